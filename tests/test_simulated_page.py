"""docs/simulated-patient.md says what the code does: pictures are there, sources used, numbers the code's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cpap_core.simulate import KINDS, PatientTraits, truth
from cpap_core.simulate import constants as c

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = (DOCS / "simulated-patient.md").read_text(encoding="utf-8")


def test_every_picture_is_there_and_shown() -> None:
    shown = set(re.findall(r"\(images/simulated/([a-z-]+\.png)\)", PAGE))
    assert shown == {path.name for path in (DOCS / "images/simulated").iterdir()}
    assert all((DOCS / "images/simulated" / name).stat().st_size < 60_000 for name in shown)


def test_every_source_is_cited_and_every_citation_has_a_source() -> None:
    body, _, sources = PAGE.partition("## Sources")
    listed = re.findall(r"^(\d+)\. ", sources, re.MULTILINE)
    cited = {number for group in re.findall(r"\[(\d+(?:, \d+)*)\]", body) for number in group.split(", ")}
    assert cited == set(listed)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (r"E = (\S+) cmH2O/L", c.ELASTANCE_CMH2O_PER_L),
        (r"R = (\S+) \+ 1.5 cmH2O s/L", c.UPPER_RESISTANCE),
        (r"R = 5.0 \+ (\S+) cmH2O s/L", c.LOWER_RESISTANCE),
        (r"V = (\S+) L \(chosen", c.CO2_STORE_L),
        (r"S = (\S+) L/min per mmHg", PatientTraits().hypercapnic_response),
        (r"a delay of (\S+) s", PatientTraits().chemical_delay_s),
        (r"Below (\S+) of quiet drive", c.SHALLOWEST_DRIVE),
        (r"`obstructive` has (\S+),", KINDS["obstructive"][1]["critical_pressure_cmh2o"]),
        (r"hold Pcrit (\S+) cmH2O below", c.DILATION_CMH2O),
        (r"multiplies the\s+effort by (\S+), fading", c.AROUSAL_GAIN),
        (r"back after (\S+) s here", c.LONGEST_COLLAPSE_S),
        (r"running peak for (\S+) s", c.PROBE_AFTER_S),
        (r"peak to peak at (\S+) Hz", c.PROBE_HZ),
        (r"by (\S+) cmH2O from peak to peak", 2 * c.PROBE_CMH2O),
        (r"C = (\S+) mL/cmH2O", 1000 * c.MASK_COMPLIANCE_L_PER_CMH2O),
        (r"regulation leaves (\S+)\s", c.HOSE_RESISTANCE),
        (r"(\S+) s or longer without a breath", truth.SHORTEST_EVENT_S),
        (r"the same for (\S+) to 10 s", truth.SHORTEST_NOTED_S),
        (r"10 s or longer below (\S+) %", 100 * truth.HYPOPNEA_SHARE),
    ],
)
def test_its_numbers_are_the_codes(words: str, value: float) -> None:
    found = re.search(words, PAGE)
    assert found, f"the page no longer says {words!r}"
    assert float(found[1]) == pytest.approx(value)
