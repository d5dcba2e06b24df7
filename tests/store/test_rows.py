"""Patients, stays, recordings, breaths, events, commands and measurements."""

from __future__ import annotations

from datetime import date

import pytest

from cpap_core.types import Breath, EventKind, OpenEvent, RespiratoryEvent
from store import (
    CommandState,
    EventRow,
    MrnAssigned,
    NotFound,
    PatientRow,
    RecordingRow,
    StayRow,
    Store,
    StoreConflict,
)
from tests.store.conftest import FLOW_AND_PRESSURE, RATE_HZ


def test_a_new_name_replaces_the_old_and_none_leaves_it(store: Store) -> None:
    """F7."""
    store.upsert_patient(7, "Ann", date(1980, 2, 3))
    assert store.upsert_patient(7).result(5).name == "Ann"
    store.upsert_patient(7, "Anna").result(5)
    patient = store.patient(7)
    assert isinstance(patient, PatientRow)
    assert (patient.name, patient.date_of_birth) == ("Anna", date(1980, 2, 3))
    assert store.patient(8) is None


def test_mrn_007_is_7(store: Store) -> None:
    """F1, F33: whatever a caller passes, the column holds an integer."""
    assert store.upsert_patient("007", "Ann").result(5).mrn == 7  # type: ignore[arg-type]
    store.begin_stay(101, 7, 1.0).result(5)
    with pytest.raises(MrnAssigned):
        store.begin_stay(102, "007", 1.0).result(5)  # type: ignore[arg-type]


def test_an_mrn_in_another_room_is_refused(store: Store) -> None:
    """F5."""
    store.upsert_patient(7)
    first = store.begin_stay(101, 7, 1.0)
    second = store.begin_stay(102, 7, 1.0)
    assert first.result(5).room == 101
    with pytest.raises(MrnAssigned, match=r"^MRN 7 is already assigned to Room 101$"):
        second.result(5)
    unidentified = store.begin_stay(103, None, 2.0).result(5)
    with pytest.raises(MrnAssigned):
        store.identify_stay(unidentified.id, 7).result(5)
    store.end_stay(first.result().id, 3.0)
    assert store.identify_stay(unidentified.id, 7).result(5).mrn == 7


def test_a_room_has_one_open_stay(store: Store, stay: StayRow) -> None:
    with pytest.raises(StoreConflict, match=rf"Room 101 has an open stay \({stay.id}\): end it first"):
        store.begin_stay(101, None, 2.0).result(5)
    assert store.end_stay(stay.id, 5.0).result(5).ended_at == 5.0
    assert store.end_stay(stay.id, 9.0).result(5).ended_at == 5.0
    following = store.begin_stay(101, None, 6.0).result(5)
    assert store.open_stays() == [following]
    assert store.last_stay_of_room(101) == following
    assert store.last_stay_of_room(102) is None
    assert store.stay(stay.id) != store.stay(following.id)


def test_an_unidentified_stay_gets_its_patient_once(store: Store, stay: StayRow) -> None:
    """F50."""
    assert stay.mrn is None
    with pytest.raises(NotFound, match="Nothing in patients with mrn 7"):
        store.identify_stay(stay.id, 7).result(5)
    store.upsert_patient(7)
    store.upsert_patient(8)
    assert store.identify_stay(stay.id, 7).result(5).mrn == 7
    assert store.identify_stay(stay.id, 7).result(5).mrn == 7
    with pytest.raises(StoreConflict, match="is of MRN 7, not 8"):
        store.identify_stay(stay.id, 8).result(5)
    assert store.stays_of_patient(7) == store.open_stays()


def test_a_stream_is_one_recording_and_survives_reconnection(store: Store, recording: RecordingRow) -> None:
    store.append_samples(recording.id, 0, [1.0] * 5, [2.0] * 5, 1.0)
    assert store.end_recording(recording.id, 7.0).result(5).ended_at == 7.0
    again = store.begin_recording(recording.stay_id, "stream-1", "x", RATE_HZ, FLOW_AND_PRESSURE, 2000.0).result(5)
    assert (again.id, again.next_sample, again.start_time, again.ended_at) == (recording.id, 5, 1000.0, None)
    assert again.channels == tuple(FLOW_AND_PRESSURE)
    assert store.recording_by_stream("stream-1") == again
    assert store.recording_by_stream("stream-2") is None
    with pytest.raises(StoreConflict, match="use a new stream_id"):
        store.begin_recording(recording.stay_id, "stream-1", "x", 50.0, FLOW_AND_PRESSURE, 0.0).result(5)
    other = store.begin_recording(recording.stay_id, "stream-2", "x", 100.0, [], 0.0).result(5)
    assert store.recordings_of_stay(recording.stay_id) == [again, other]


def test_breaths_written_again_are_there_once(store: Store, recording: RecordingRow) -> None:
    breaths = [Breath(float(index), index + 0.5, 1.0, 2.0, 400.0, 30.0) for index in range(10)]
    assert store.put_breaths(recording.id, 0, breaths[:6]).result(5) == 6
    assert store.put_breaths(recording.id, 4, breaths[4:]).result(5) == 10
    assert store.breaths_of(recording.id) == breaths
    assert store.breath_count(recording.id) == 10
    with pytest.raises(NotFound):
        store.put_breaths(99, 0, breaths).result(5)


def test_an_event_is_open_and_then_closed_and_once(store: Store, recording: RecordingRow) -> None:
    gap, apnea = EventKind.BREATH_GAP, EventKind.APNEA
    for _ in range(2):
        store.put_event(recording.id, OpenEvent(0, gap, 5.0, 15.04))
        store.put_event(recording.id, OpenEvent(1, apnea, 5.0, 15.04)).result(5)
        assert [event.duration_s for event in store.events_of(recording.id)] == [None, None]
        store.put_event(recording.id, RespiratoryEvent(0, gap, 5.0, 15.04, 22.0)).result(5)
    assert store.events_of(recording.id) == [
        EventRow(recording.id, 0, gap, 5.0, 15.04, 22.0),
        EventRow(recording.id, 1, apnea, 5.0, 15.04, None),
    ]


def test_the_total_is_over_all_data_of_the_patient(store: Store) -> None:
    """F23: measurements of 2, 0 and 1 give 3; breath gaps of every stay add to it, other kinds and patients do not."""
    for mrn in (7, 8):
        store.upsert_patient(mrn)
    stays = []
    for number, mrn in enumerate((7, 7, 8)):
        stay = store.begin_stay(101, mrn, float(number)).result(5)
        recording = store.begin_recording(stay.id, f"stream-{number}", "", 25.0, [], 0.0).result(5)
        store.put_event(recording.id, RespiratoryEvent(0, EventKind.BREATH_GAP, 1.0, 11.0, 12.0))
        store.put_event(recording.id, OpenEvent(1, EventKind.BREATH_GAP, 31.0, 41.0))
        store.put_event(recording.id, RespiratoryEvent(2, EventKind.HYPOPNEA, 31.0, 41.0, 12.0))
        store.end_stay(stay.id, 10.0 + number).result(5)
        stays.append(stay)
    assert store.apnea_total_of_patient(7) == 4
    for count in (2, 0, 1, None):
        store.add_measurement(7, received_at=1.0, stay_id=stays[0].id, apnea_count=count).result(5)
    assert store.apnea_total_of_patient(7) == 7
    assert store.apnea_total_of_patient(7, exclude_stay_id=stays[0].id) == 5
    assert store.apnea_total_of_patient(99) == 0


def test_measurements_are_kept_in_order_of_receipt(store: Store, stay: StayRow) -> None:
    """F33."""
    store.upsert_patient(7)
    image = b"\x89PNG..."
    later = store.add_measurement(
        7, received_at=9.0, pressure_cmh2o=12, respiratory_rate_per_min=14.5, apnea_count=2, flow_image=image
    )
    earlier = store.add_measurement(7, received_at=3.0, stay_id=stay.id)
    in_order = [earlier.result(5), later.result(5)]
    assert store.measurements_of_patient(7) == in_order
    assert later.result().flow_image == image
    with pytest.raises(NotFound, match="Nothing in patients with mrn 8"):
        store.add_measurement(8, received_at=1.0).result(5)


def command(store: Store, stay: StayRow, command_id: str, pressure_cmh2o: int, at: float = 1.0) -> None:
    store.add_command(
        command_id,
        stay_id=stay.id,
        room=stay.room,
        pressure_cmh2o=pressure_cmh2o,
        previous_cmh2o=8,
        commanded_by="Kim",
        commanded_at=at,
    ).result(5)


def test_a_command_goes_its_way_and_its_end_is_final(store: Store, stay: StayRow) -> None:
    """F20."""
    command(store, stay, "a", 12)
    store.update_command("a", CommandState.DELIVERED, 2.0)
    store.update_command("a", CommandState.DELIVERED, 3.0)
    assert store.update_command("a", CommandState.APPLIED, 4.0).result(5).state is CommandState.APPLIED
    final = store.update_command("a", CommandState.REFUSED, 5.0, "too late").result(5)
    assert final == store.command("a") == store.latest_command(stay.id)
    assert (final.delivered_at, final.applied_at, final.refused_at, final.refusal) == (2.0, 4.0, None, None)
    assert (final.pressure_cmh2o, final.previous_cmh2o, final.commanded_by, final.reason) == (12, 8, "Kim", None)
    command(store, stay, "b", 14, at=6.0)
    refused = store.update_command("b", CommandState.REFUSED, 7.0, "mask off").result(5)
    assert (refused.state, refused.refusal, refused.refused_at) == (CommandState.REFUSED, "mask off", 7.0)
    assert store.commands_of_stay(stay.id) == [final, refused]
    with pytest.raises(NotFound):
        store.update_command("c", CommandState.APPLIED, 1.0).result(5)
    with pytest.raises(StoreConflict):
        store.update_command("b", CommandState.COMMANDED, 1.0).result(5)


def test_the_same_command_again_is_the_stored_one(store: Store, stay: StayRow) -> None:
    command(store, stay, "a", 12)
    store.update_command("a", CommandState.APPLIED, 2.0).result(5)
    command(store, stay, "a", 12, at=9.0)
    (only,) = store.commands_of_stay(stay.id)
    assert (only.state, only.commanded_at) == (CommandState.APPLIED, 1.0)
    with pytest.raises(StoreConflict, match=r"stored with room and pressure \(101, 12\), got \(101, 13\)"):
        command(store, stay, "a", 13)


def test_a_command_to_the_previous_patient_is_not_the_new_ones(store: Store, stay: StayRow) -> None:
    """F29."""
    command(store, stay, "a", 12)
    store.end_stay(stay.id, 2.0)
    following = store.begin_stay(stay.room, None, 3.0).result(5)
    assert store.latest_command(following.id) is None


def test_meta_is_about_the_whole_file(store: Store) -> None:
    assert store.meta("lab") is None
    store.set_meta("lab", "one")
    store.set_meta("lab", "two").result(5)
    assert store.meta("lab") == "two"
    assert float(store.meta("created_at") or 0) > 1e9
