"""The sample recordings that ship with the product, in the seven-column format.

They are simulated, so anybody may have them; `python -m cpap_core.simulate.recordings` makes the same files again.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from cpap_core.simulate.patient import SimulatedPatient
from cpap_core.simulate.writing import HEADER, text_rows

RATE_HZ = 50.0


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One sample recording: its file's name, its length in s, who breathes, and what becomes of single rows."""

    name: str
    duration_s: float
    seed: int
    traits: dict[str, float] = field(default_factory=dict)
    spoilt: dict[int, str] = field(default_factory=dict)


OPEN_AIRWAY = {
    "critical_pressure_cmh2o": -5.0,
    "obstructive_events_per_h": 0.0,
    "central_events_per_h": 0.0,
    "leak_episodes_per_h": 0.0,
    "sighs_per_h": 0.0,
}

SAMPLES = (
    Sample(name="calm.txt", duration_s=120, seed=11, traits={**OPEN_AIRWAY, "leak_lpm": 1.0}),
    Sample(
        name="apneas.txt",
        duration_s=150,
        seed=0,
        traits={
            **OPEN_AIRWAY,
            "obstructive_events_per_h": 700.0,
            "critical_pressure_cmh2o": 11.0,
            "first_event_s": 22.0,
            "typical_event_s": 14.0,
            "leak_lpm": 1.0,
        },
    ),
    Sample(
        name="bad-rows.txt",
        duration_s=90,
        seed=23,
        traits={**OPEN_AIRWAY, "leak_lpm": 1.0},
        spoilt={
            700: "{time},,{rest}",
            1500: "{time},NaN,{rest}",
            1501: "{time},NaN,{rest}",
            2600: "sensor error",
            3300: "{time},1638",
        },
    ),
    Sample(
        name="leaky.txt",
        duration_s=120,
        seed=31,
        traits={**OPEN_AIRWAY, "leak_lpm": 6.0, "first_leak_s": 35.0, "episode_leak_lpm": 30.0},
    ),
)


def rows_of(sample: Sample) -> list[str]:
    """The rows of a sample recording, without its header."""
    patient = SimulatedPatient(sample.seed, RATE_HZ, keep_truth=False, **sample.traits)
    rows = list(text_rows(*patient.samples(round(sample.duration_s * RATE_HZ)), RATE_HZ))
    for index, spoilt in sample.spoilt.items():
        time, _, rest = rows[index].split(",", 2)
        rows[index] = spoilt.format(time=time, rest=rest)
    return rows


def main(folder: Path) -> None:
    """Write all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for sample in SAMPLES:
        (folder / sample.name).write_text("\n".join([HEADER, *rows_of(sample), ""]), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "assets/recordings"))
