"""A store in a real file, and a recording to write into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store import RecordingRow, StayRow, Store

FLOW_AND_PRESSURE = [{"name": "flow", "unit": "L/min"}, {"name": "airway_pressure", "unit": "cmH2O"}]
RATE_HZ = 25.0


@pytest.fixture
def data_file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ward.sqlite"


@pytest.fixture
def store(data_file: Path) -> Iterator[Store]:
    with Store(data_file, gather_s=0.002) as opened:
        yield opened


@pytest.fixture
def stay(store: Store) -> StayRow:
    return store.begin_stay(101, None, 1000.0).result(5)


@pytest.fixture
def recording(store: Store, stay: StayRow) -> RecordingRow:
    return store.begin_recording(stay.id, "stream-1", "simulated", RATE_HZ, FLOW_AND_PRESSURE, 1000.0).result(5)
