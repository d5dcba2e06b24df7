"""The bench of simulated patients: what it counts, and that it runs."""

from __future__ import annotations

import math

import pytest

from benchmarks import cohort, simulated
from cpap_core.simulate import TrueEvent, Truth
from cpap_core.types import Breath, DetectorOutput, EventKind, RespiratoryEvent


def breath(onset_s: float, inspiratory_s: float = 1.5) -> Breath:
    return Breath(onset_s, onset_s + 0.6, inspiratory_s, 2.5, 480.0, 25.0)


def judged(truth: Truth, found: DetectorOutput, monkeypatch: pytest.MonkeyPatch) -> cohort.Judged:
    monkeypatch.setattr(cohort, "heard", lambda *_args, **_kwargs: (truth, {"device": found}))
    result = cohort.Judged()
    cohort.judge(result, 7, 0.1, clean=True)
    return result


def test_a_breath_found_twice_is_false_and_a_weak_one_need_not_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = Truth(breaths=[breath(20), breath(24), breath(28), breath(32)], shares=[1.0, 0.9, 0.24, 0.26])
    found = DetectorOutput(breaths=[breath(20.1), breath(20.17), breath(24.1)])
    result = judged(truth, found, monkeypatch)
    tallies = result.tallies
    assert (tallies["breaths"].hits, tallies["breaths"].missed) == (2, [(7, 32)])
    assert tallies["breaths"].false == [(7, 20.17)]
    assert result.twice == 1
    assert tallies["weak breaths"].missed == [(7, 28)]
    assert tallies["breaths"].sensitivity == tallies["breaths"].precision == pytest.approx(2 / 3)
    assert math.isnan(cohort.Tally().sensitivity)


def test_events_are_judged_by_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """An apnea has to be called one, one a little too short may be; an unclassified one is neither right nor wrong."""
    truth = Truth(
        events=[
            TrueEvent(EventKind.OBSTRUCTIVE_APNEA, 50, 15),
            TrueEvent(EventKind.CENTRAL_APNEA, 100, 15, cause="drive"),
            TrueEvent(EventKind.CENTRAL_APNEA, 150, 15, cause="drive"),
            TrueEvent(EventKind.HYPOPNEA, 180, 12, 0.5),
            TrueEvent(EventKind.HYPOPNEA, 200, 20, 0.6),
            TrueEvent(EventKind.OBSTRUCTIVE_APNEA, 250, 12),
        ],
        doubtful=[TrueEvent(EventKind.OBSTRUCTIVE_APNEA, 300, 9), TrueEvent(EventKind.HYPOPNEA, 270, 15)],
    )
    kinds = {
        52: EventKind.OBSTRUCTIVE_APNEA,
        101: EventKind.OBSTRUCTIVE_APNEA,
        151: EventKind.APNEA,
        251: EventKind.HYPOPNEA,
        299: EventKind.APNEA,
        330: EventKind.APNEA,
    }
    said = [RespiratoryEvent(-k, kind, onset, onset + 10, 12) for k, (onset, kind) in enumerate(kinds.items(), 1)]
    result = judged(truth, DetectorOutput(events=said), monkeypatch)
    assert result.kinds == {"right": 1, "wrong": 1, "unclassified": 1}
    assert result.confused == [(7, 100)]
    assert result.tallies["device: obstructive_apnea"].missed == [(7, 250)]
    assert result.tallies["device: hypopnea (airway)"].missed == [(7, 200)]
    assert result.tallies["device: apneas said"].false == [(7, 330)]
    assert result.tallies["device: apneas said"].hits == 4


def test_it_prints_what_it_requires_and_where_it_missed(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulated.main(["--seeds", "2", "--hours", "0.1"]) in (0, 1)
    printed = capsys.readouterr().out
    assert "breaths: missed" in printed
    assert "required at most 0.1 %" in printed
    assert "beside detecting the same hour" in printed
    with pytest.raises(SystemExit):
        simulated.main(["--seeds", "0"])
