"""A whole ward in one call finds, to the bit, what one detector for each room finds."""

from __future__ import annotations

import numpy as np
import pytest

from cpap_core import DetectorOutput, RespirationDetector, RoomsDetector
from cpap_core import rooms as rooms_module
from tests.core.test_detector_chunks import gathered, probe_of, wild

ROOMS = 5


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("with_pressure", [False, True])
@pytest.mark.parametrize("rate_hz", [3.0, 25.0])
def test_rooms_in_one_call_equal_one_detector_each(
    rate_hz: float, with_pressure: bool, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms_module, "ROWS_OF_WARD", rows * rooms_module.ROWS)
    length = round(200 * rate_hz)
    flow = np.stack([wild(seed, rate_hz, 200)[:length] for seed in range(ROOMS)])
    pressure = np.stack([probe_of(one, rate_hz) for one in flow])
    ward = RoomsDetector(ROOMS, rate_hz)
    alone = [RespirationDetector(rate_hz) for _ in range(ROOMS)]
    told: list[list[DetectorOutput]] = [[] for _ in range(ROOMS)]
    expected: list[list[DetectorOutput]] = [[] for _ in range(ROOMS)]
    at = 0
    for size in (1, 0, 7, 500, length):
        part = slice(at, at + size)
        outputs = ward.update(flow[:, part], pressure[:, part] if with_pressure else None)
        for room, output in enumerate(outputs):
            told[room].append(output)
            expected[room].append(alone[room].update(flow[room, part], pressure[room, part] if with_pressure else None))
            assert ward.vitals(room) == alone[room].vitals()
        at += size
    for room, output in enumerate(ward.flush()):
        told[room].append(output)
        expected[room].append(alone[room].flush())
        assert gathered(told[room]) == gathered(expected[room])
    assert sum(len(gathered(one).breaths) for one in told) > 20


def test_what_is_masked_is_missing_in_its_room_alone() -> None:
    flow = np.stack([wild(seed, 25.0, 100)[:2500] for seed in range(2)])
    mask = np.zeros(flow.shape, bool)
    mask[0, 900:1000] = True
    wards = [RoomsDetector(2, 25.0) for _ in range(2)]
    masked = np.ma.masked_array(np.where(mask, 999, flow), mask)
    assert wards[0].update(masked) == wards[1].update(np.where(mask, np.nan, flow))
    assert wards[0].flush() == wards[1].flush()


def test_what_does_not_fit_the_ward_is_refused() -> None:
    ward = RoomsDetector(3, 25.0)
    with pytest.raises(ValueError, match=r"shape \(3, n_samples\): got \(2, 10\)"):
        ward.update(np.zeros((2, 10)))
    with pytest.raises(ValueError, match="same shape"):
        ward.update(np.zeros((3, 10)), np.zeros((3, 9)))
    with pytest.raises(ValueError, match="at least 1: got 0"):
        RoomsDetector(0, 25.0)
    with pytest.raises(ValueError, match="from 1 to 200: got 1000"):
        RoomsDetector(1, 1000)
