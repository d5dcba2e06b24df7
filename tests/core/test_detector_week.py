"""A detector that runs for a week without a break (F40): it ends as it began, in what it finds and in memory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cpap_core import RespirationDetector

RATE_HZ = 25.0
DAY_S = 24 * 3600
SECOND = round(RATE_HZ)
MOST_GROWTH = 24_000_000


def a_day(seed: int) -> NDArray[np.float32]:
    """A day of breaths of any depth and length over a leak that wanders, with pauses, shallow runs and noise."""
    rng = np.random.default_rng(seed)
    parts: list[NDArray[np.float64]] = []
    samples = 0
    while samples < DAY_S * RATE_HZ:
        n = round(rng.uniform(3, 5) * RATE_HZ)
        phase = np.arange(n) / n
        breath = np.where(phase < 0.4, np.sin(np.pi * phase / 0.4), -np.sin(np.pi * (phase - 0.4) / 0.6) / 1.5)
        depth = rng.normal(30, 4)
        shallow = rng.random() < 0.01
        run = [breath * depth * 0.35] * 5 if shallow else [breath * depth]
        if rng.random() < 0.01:
            run.append(np.zeros(round(rng.uniform(8, 40) * RATE_HZ)))
        parts += run
        samples += sum(map(len, run))
    flow = np.concatenate(parts)[: round(DAY_S * RATE_HZ)]
    time_s = np.arange(len(flow)) / RATE_HZ
    return (flow + 5 * np.sin(2 * np.pi * time_s / 3600) + rng.normal(0, 0.3, len(flow))).astype(np.float32)


def found_of_a_day(detector: RespirationDetector, flow: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    """Feed a day second by second; what was found after its first hour, with times in s since its first sample."""
    begun_s = detector.samples_seen / RATE_HZ
    outputs = [detector.update(flow[at : at + SECOND]) for at in range(0, len(flow), SECOND)]
    breaths = np.concatenate([output.tables.breaths for output in outputs])
    events = np.concatenate([output.tables.events for output in outputs])
    # For its first breaths a detector that has just begun has no breaths before them.
    breaths, events = (table[table["onset_s"] > begun_s + 3600] for table in (breaths, events))
    return {
        "peak_s": breaths["peak_s"] - begun_s,
        "tidal_volume_ml": breaths["tidal_volume_ml"],
        "event_onset_s": events["onset_s"] - begun_s,
        "kind": events["kind"].astype(float),
        "duration_s": events["duration_s"],
    }


def resident_bytes() -> int:
    """Memory of this process that is in use now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_each_day_of_a_week_is_found_as_the_first_and_memory_does_not_grow() -> None:
    flow = a_day(2)
    detector = RespirationDetector(RATE_HZ)
    first, *before = (found_of_a_day(detector, flow) for _ in range(3))
    memory = resident_bytes()
    for _ in range(4):
        found = found_of_a_day(detector, flow)
        # As two days before: the typical amplitude goes a step with each breath, so an odd number of them ends beside.
        for name, values in before[0].items():
            np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-6, err_msg=name)
        before = [before[1], found]
    assert detector.samples_seen == 7 * len(flow)
    assert 15_000 < len(first["peak_s"]) == pytest.approx(len(found["peak_s"]), abs=2)
    assert 300 < len(first["kind"]) == pytest.approx(len(found["kind"]), abs=2)
    assert found["tidal_volume_ml"].mean() == pytest.approx(first["tidal_volume_ml"].mean(), rel=1e-3)
    # In 345 600 updates a leak of 70 bytes in each would be more.
    assert resident_bytes() - memory < MOST_GROWTH
