"""The sample recordings that ship with the product (F8)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monitor_app.assets import ASSETS


@dataclass(frozen=True, slots=True)
class SampleRecording:
    """A recording to try things with: its file, its title, and what is to be seen in it."""

    key: str
    title: str
    shows: str

    @property
    def path(self) -> Path:
        """Where it lies."""
        return ASSETS / "recordings" / f"{self.key}.txt"


SAMPLES = {
    sample.key: sample
    for sample in (
        SampleRecording("calm", "Calm night", "2 min of quiet breathing, no apnea"),
        SampleRecording("apneas", "Apneas", "2 min 30 s with three apneas of about 20 s"),
        SampleRecording("bad-rows", "Bad rows", "1 min 30 s in which five rows cannot be used"),
        SampleRecording("leaky", "Leaky mask", "2 min whose mask begins to leak after 35 s"),
    )
}
"""By key, in the order they are offered. `cpap_core/simulate/recordings.py` makes the files."""
