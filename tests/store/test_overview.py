"""Lists: patients found, and what was recorded of each, as one line (F18, F27)."""

from __future__ import annotations

import numpy as np
import pytest

from cpap_core.types import Breath, EventKind, OpenEvent
from store import Search, Store
from tests.store.conftest import FLOW_AND_PRESSURE, RATE_HZ


def test_records_are_measurements_and_recordings_newest_first(store: Store) -> None:
    store.upsert_patient(7, "Ann").result(5)
    stay = store.begin_stay(101, 7, 1000.0).result(5)
    for at, image in ((1100.0, b"png"), (1300.0, None)):
        made = {"pressure_cmh2o": 9, "respiratory_rate_per_min": 14.0, "apnea_count": 2, "flow_image": image}
        store.add_measurement(7, stay_id=stay.id, received_at=at, **made).result(5)
    recording = store.begin_recording(stay.id, "s", "simulated", RATE_HZ, FLOW_AND_PRESSURE, 1200.0).result(5)
    samples = np.zeros(1500, np.float32)
    store.append_samples(recording.id, 0, samples, samples, 1260.0).result(5)
    breaths = [Breath(4.0 * at, 4.0 * at + 1, 1.0, 2.0, 400.0, 30.0) for at in range(12)]
    store.put_breaths(recording.id, 0, breaths).result(5)
    store.put_event(recording.id, OpenEvent(0, EventKind.BREATH_GAP, 50.0, 60.0)).result(5)
    found = store.records_of_patient(7, most=10)
    assert [(one.kind, one.at, one.has_picture) for one in found] == [
        ("measurement", 1300.0, False),
        ("recording", 1200.0, False),
        ("measurement", 1100.0, True),
    ]
    line = found[1]
    assert (line.respiratory_rate_per_min, line.apnea_count, line.duration_s, line.runs) == (12.0, 1, 60.0, True)
    assert store.records_of_patient(7, most=1)[0].at == 1300.0
    assert [one.kind for one in store.records_of_stay(stay.id, most=10)] == ["recording"]
    store.end_stay(stay.id, 2000.0).result(5)
    assert store.records_of_stay(stay.id, most=10)[0].runs is False


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (Search(), [8, 7, 9, 70]),
        (Search("an"), [7, 9]),
        (Search("7"), [7, 70]),
        (Search("101"), [8]),
        (Search("%"), [70]),
        (Search("_"), []),
        (Search(in_room=True), [8]),
        (Search(many_apneas=True), [9]),
        (Search("an", many_apneas=True), [9]),
    ],
)
def test_patients_are_found_by_name_number_and_room(store: Store, search: Search, found: list[int]) -> None:
    """Those in a room come first; signs that SQL takes for anything are themselves."""
    for mrn, name in ((7, "Ann"), (8, "Bob"), (9, "Hans"), (70, "Zoe 100%")):
        store.upsert_patient(mrn, name).result(5)
    store.begin_stay(101, 8, 1000.0).result(5)
    given = {"stay_id": None, "pressure_cmh2o": 9, "respiratory_rate_per_min": 14.0, "flow_image": None}
    store.add_measurement(9, received_at=1.0, apnea_count=2, **given).result(5)
    store.add_measurement(7, received_at=1.0, apnea_count=1, **given).result(5)
    assert [one.mrn for one in store.patients_found(search, most=10)] == found
    assert store.count_patients_found(search) == len(found)
    assert [one.mrn for one in store.patients_found(search, most=2, skip=1)] == found[1:3]


def test_a_recording_with_two_breathing_gaps_has_many_apneas(store: Store) -> None:
    store.upsert_patient(7).result(5)
    stay = store.begin_stay(101, 7, 1.0).result(5)
    recording = store.begin_recording(stay.id, "s", "simulated", RATE_HZ, FLOW_AND_PRESSURE, 1.0).result(5)
    for at, many in ((0, []), (1, [7])):
        store.put_event(recording.id, OpenEvent(at, EventKind.BREATH_GAP, 50.0 + at, 60.0 + at)).result(5)
        assert [one.mrn for one in store.patients_found(Search(many_apneas=True), most=9)] == many
