"""Stays: who is in which room, while devices send and technicians change their minds (F5, F33, F50, F51)."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import numpy as np
import pytest

from monitor_app.ward import AdmissionRefused, CommandRefused, StayRefused, StoreBusy, Ward, disk
from monitor_app.ward.ward import NOT_SENT
from tests.app.ward_helpers import Clock, Link, feed_breathing, in_ward, spec


@pytest.mark.holds("F50.1")
def test_the_first_sample_begins_an_unidentified_stay_and_admission_names_it(tmp_path):
    async def story(ward: Ward, _clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s1"), None)
        feed_breathing(ward, room, trace, 30)
        before = (await ward.summaries())[0]
        assert (before["mrn"], before["breaths"]) == (None, room.trace.breath_count)
        await ward.stays.admit(101, 7, "Ada", by="test")
        after = (await ward.summaries())[0]
        assert (after["mrn"], after["patient_name"], after["breaths"]) == (7, "Ada", before["breaths"])

    in_ward(tmp_path, story)


@pytest.mark.holds("F5.1", "F34.5")
def test_one_patient_is_in_one_room_whoever_asks_first(tmp_path):
    async def story(ward: Ward, _clock: Clock) -> None:
        results = await asyncio.gather(
            ward.stays.admit(101, 7, by="a"), ward.stays.admit(102, 7, by="b"), return_exceptions=True
        )
        refused = [result for result in results if result is not None]
        assert len(refused) == 1
        assert isinstance(refused[0], AdmissionRefused)
        assert str(refused[0]) == "MRN 7 is already assigned to Room 101"
        assert [room.number for room in ward.rooms()] == [101]

    in_ward(tmp_path, story)


def test_two_technicians_admit_into_one_room_and_one_is_told(tmp_path):
    async def story(ward: Ward, _clock: Clock) -> None:
        results = await asyncio.gather(
            ward.stays.admit(101, 7, by="a"), ward.stays.admit(101, 8, by="b"), return_exceptions=True
        )
        assert results[0] is None
        assert str(results[1]) == "Room 101 has another patient: discharge MRN 7 first"

    in_ward(tmp_path, story)


@pytest.mark.holds("F33.2")
def test_another_patient_in_a_room_begins_anew_and_the_device_goes_on(tmp_path):
    """What is sent from then on is the new patient's, what was before stays the old one's; nothing is lost."""

    async def story(ward: Ward, _clock: Clock) -> None:
        await ward.stays.admit(101, 7, "Ada", by="test")
        room, first = await ward.streams.open(101, spec("s1"), None)
        feed_breathing(ward, room, first, 60)
        cut = first.detected_next
        await ward.stays.admit(101, 8, "Ben", by="test", replaces_mrn=7)
        assert first.is_over
        room, second = await ward.streams.open(101, spec("s1"), None)
        assert (second.detected_next, second.stored_next) == (cut, cut)
        feed_breathing(ward, room, second, 30)
        await ward.streams.stored(second)
        shown = (await ward.summaries())[0]
        assert (shown["mrn"], shown["patient_name"]) == (8, "Ben")
        assert shown["samples_received"] == second.detected_next - cut
        old, new = ward.store.recording(first.recording_id), ward.store.recording(second.recording_id)
        assert (old.first_sample, old.next_sample, new.first_sample) == (0, cut, cut)
        assert ward.store.stay(old.stay_id).mrn == 7
        assert np.isfinite(ward.store.read_samples(old.id, 0, cut).flow_lpm).all()

    in_ward(tmp_path, story)


def test_the_counts_of_a_stay_that_took_a_stream_over_survive_a_restart(tmp_path):
    shown: list[dict[str, object]] = []

    async def before(ward: Ward, _clock: Clock) -> None:
        await ward.stays.admit(101, 7, by="test")
        room, trace = await ward.streams.open(101, spec("s1"), None)
        feed_breathing(ward, room, trace, 60)
        await ward.stays.admit(101, 8, by="test", replaces_mrn=7)
        room, trace = await ward.streams.open(101, spec("s1"), None)
        feed_breathing(ward, room, trace, 45)
        await ward.streams.stored(trace)
        shown.extend(await ward.summaries())

    async def after(ward: Ward, _clock: Clock) -> None:
        again = (await ward.summaries())[0]
        keys = ("mrn", "breaths", "apnea_count", "samples_received", "total_apnea_count")
        assert {key: again[key] for key in keys} == {key: shown[0][key] for key in keys}

    in_ward(tmp_path, before)
    in_ward(tmp_path, after)


@pytest.mark.holds("F50.2")
def test_a_transfer_takes_the_patient_and_leaves_the_rooms_consistent(tmp_path):
    async def story(ward: Ward, _clock: Clock) -> None:
        await ward.stays.admit(101, 7, "Ada", by="test")
        await ward.stays.admit(102, 8, "Ben", by="test")
        with pytest.raises(StayRefused, match="Room 102 has another patient: discharge MRN 8 first"):
            await ward.stays.transfer(101, 102, by="test")
        with pytest.raises(StayRefused, match="room 101 already"):
            await ward.stays.transfer(101, 101, by="test")
        assert [room.number for room in ward.rooms()] == [101, 102], "a refused transfer changes nothing"
        room, trace = await ward.streams.open(103, spec("s3"), None)
        feed_breathing(ward, room, trace, 30)
        await ward.stays.transfer(101, 103, by="test")
        rooms = {room["room"]: room for room in await ward.summaries()}
        assert list(rooms) == [102, 103]
        assert (rooms[103]["mrn"], rooms[103]["patient_name"]) == (7, "Ada")
        assert rooms[103]["breaths"] > 0, "the device was connected before the patient was"
        assert [stay.room for stay in ward.store.stays_of_patient(7)] == [101, 103]

    in_ward(tmp_path, story)


def test_transfers_across_each_other_do_not_wait_for_each_other(tmp_path):
    async def story(ward: Ward, _clock: Clock) -> None:
        await ward.stays.admit(101, 7, by="test")
        await ward.stays.admit(102, 8, by="test")
        both = asyncio.gather(
            ward.stays.transfer(101, 102, by="a"), ward.stays.transfer(102, 101, by="b"), return_exceptions=True
        )
        results = await asyncio.wait_for(both, 10)
        assert all(isinstance(result, StayRefused) for result in results)

    in_ward(tmp_path, story)


@pytest.mark.holds("F50.3", "F50.5")
def test_discharge_takes_the_room_from_the_wall_and_a_device_that_goes_on_brings_it_back(tmp_path):
    async def story(ward: Ward, _clock: Clock) -> None:
        await ward.stays.admit(101, 7, by="test")
        room, trace = await ward.streams.open(101, spec("s1"), None)
        feed_breathing(ward, room, trace, 30)
        await ward.stays.discharge(101, by="test")
        assert ward.rooms() == []
        assert ward.store.recording(trace.recording_id) is not None, "what was recorded is kept"
        with pytest.raises(StayRefused, match="Room 101 has no patient"):
            await ward.stays.discharge(101, by="test")
        room, going_on = await ward.streams.open(101, spec("s1"), None)
        feed_breathing(ward, room, going_on, 5)
        assert (await ward.summaries())[0]["mrn"] is None

    in_ward(tmp_path, story)


@pytest.mark.holds("F50.4")
def test_a_wrong_mrn_is_put_right_with_all_that_was_recorded(tmp_path):
    async def story(ward: Ward, _clock: Clock) -> None:
        await ward.stays.admit(101, 7, "Ada", by="test")
        await ward.stays.admit(102, 9, by="test")
        await ward.stays.measure(101, pressure_cmh2o=9, respiratory_rate_per_min=14.0, apnea_count=2)
        with pytest.raises(StayRefused, match="MRN 9 is already assigned to Room 102"):
            await ward.stays.correct(101, mrn=9, by="test")
        await ward.stays.correct(101, mrn=70, patient_name="Ada L", date_of_birth=date(1990, 1, 2), by="test")
        shown = (await ward.summaries())[0]
        assert (shown["mrn"], shown["patient_name"], shown["total_apnea_count"]) == (70, "Ada L", 2)
        assert ward.store.patient(7) is None, "a patient who never was leaves nothing behind"
        assert [row.apnea_count for row in ward.store.measurements_of_patient(70)] == [2]
        entry = ward.store.audit_trail(room=101)[0]
        assert (entry.action, entry.by, entry.mrn) == ("corrected", "test", 70)
        assert entry.before.startswith("MRN 7, Ada")

    in_ward(tmp_path, story)


@pytest.mark.holds("F50.4")
def test_what_was_said_under_a_wrong_mrn_goes_with_the_patient(tmp_path):
    """But not what belongs to somebody who was here before."""

    async def story(ward: Ward, _clock: Clock) -> None:
        await ward.stays.admit(101, 7, "Ada", date(1990, 1, 2), by="test")
        await ward.stays.correct(101, mrn=70, by="test")
        moved = ward.store.patient(70)
        assert (moved.name, moved.date_of_birth) == ("Ada", date(1990, 1, 2))
        await ward.stays.discharge(101, by="test")
        await ward.stays.admit(101, 70, by="test")
        await ward.stays.correct(101, mrn=71, by="test")
        assert ward.store.patient(70).name == "Ada"
        assert ward.store.patient(71).name is None

    in_ward(tmp_path, story)


def test_the_trail_of_changes_cannot_be_changed(tmp_path):
    async def story(ward: Ward, _clock: Clock) -> None:
        await ward.stays.admit(101, 7, by="technician")
        await ward.stays.discharge(101, by="technician")
        assert [entry.action for entry in ward.store.audit_trail(mrn=7)] == ["discharged", "admitted"]
        connection = sqlite3.connect(ward.store.path)
        for change in ("UPDATE audit SET by = 'nobody'", "DELETE FROM audit"):
            with pytest.raises(sqlite3.IntegrityError, match="the audit trail cannot be changed"):
                connection.execute(change)
        connection.close()

    in_ward(tmp_path, story)


@pytest.mark.holds("F23.2", "F33.1")
def test_measured_apneas_add_to_the_total_and_the_latest_is_the_newest(tmp_path):
    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7, by="test")
        for count in (2, 0, 1):
            clock.now += 60
            await ward.stays.measure(101, pressure_cmh2o=9, respiratory_rate_per_min=14.0, apnea_count=count)
        ward.refresh()
        values = ward.room(101).values
        assert values["measured"]["apnea_count"] == 1
        assert values["measured"]["time"] == round(clock.now, 1)
        assert (values["total_apnea_count"], values["pressure_cmh2o"]) == (3, 9)

    in_ward(tmp_path, story)


@pytest.mark.holds("F34.1")
def test_a_measurement_that_cannot_be_changes_nothing(tmp_path):
    async def story(ward: Ward, _clock: Clock) -> None:
        with pytest.raises(StayRefused, match="Room 101 has no patient"):
            await ward.stays.measure(101, pressure_cmh2o=9, respiratory_rate_per_min=14.0, apnea_count=2)
        await ward.stays.admit(101, 7, by="test")
        with pytest.raises(CommandRefused, match="CPAP Pressure is not between 4 and 25"):
            await ward.stays.measure(101, pressure_cmh2o=26, respiratory_rate_per_min=14.0, apnea_count=2)
        with pytest.raises(StayRefused, match="Room 101 has MRN 7"):
            await ward.stays.measure(
                101, pressure_cmh2o=9, respiratory_rate_per_min=14.0, apnea_count=2, expected_mrn=8
            )
        assert ward.store.measurements_of_patient(7) == []

    in_ward(tmp_path, story)


@pytest.mark.holds("F20.3", "F29.1", "F29.3")
def test_a_client_that_asks_is_told_the_command_and_the_command_is_delivered(tmp_path):
    async def story(ward: Ward, clock: Clock) -> None:
        with pytest.raises(StayRefused, match="Patient not in database"):
            await ward.pressure_for_client(101)
        await ward.stays.admit(101, 7, by="test")
        assert await ward.pressure_for_client(101) is None
        await ward.stays.measure(101, pressure_cmh2o=8, respiratory_rate_per_min=14.0, apnea_count=0)
        assert await ward.pressure_for_client(101) == 8
        clock.now += 10
        await ward.command_pressure(101, 11, by="station")
        assert ward.room(101).stay.commands.newest[0].state == "commanded"
        assert await ward.pressure_for_client(101) == 11
        assert ward.room(101).stay.commands.newest[0].state == "delivered"
        await ward.stays.admit(101, 8, by="test", replaces_mrn=7)
        assert await ward.pressure_for_client(101) is None, "a command to the previous patient is not this one's"

    in_ward(tmp_path, story)


@pytest.mark.holds("F51.1")
def test_a_mark_has_its_place_in_the_recording_and_survives_a_restart(tmp_path):
    async def before(ward: Ward, _clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s1"), None)
        feed_breathing(ward, room, trace, 40)
        made = await ward.stays.mark(101, "mask_refit", by="test", mark_id="m1")
        again = await ward.stays.mark(101, "mask_refit", by="test", mark_id="m1")
        assert made["text"] == "Mask refit"
        assert again["mark_id"] == "m1"
        for kind, text, problem in (
            ("note", " ", "needs a text"),
            ("party", "", "is one of"),
            ("note", "x" * 201, "201"),
        ):
            with pytest.raises(StayRefused, match=problem):
                await ward.stays.mark(101, kind, text, by="test")
        assert len(room.stay.marks) == 1
        await ward.streams.stored(trace)

    async def after(ward: Ward, _clock: Clock) -> None:
        room = ward.room(101)
        (mark,) = room.stay.marks
        assert (mark.kind, mark.onset_s) == ("mask_refit", 40.0)
        ward.refresh()
        ward.refresh_detail(room)
        assert room.values["marks"]["notes"] == [[40.0, "Mask refit"]]
        assert room.values["night"]["marks"] == [[mark.time, "Mask refit"]]
        assert any(event["kind"] == "mark" for event in room.values["events"])

    in_ward(tmp_path, before)
    in_ward(tmp_path, after)


@pytest.mark.holds("F1.3")
def test_under_12_years_the_maximum_is_the_childrens(tmp_path):
    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7, by="test")
        await ward.command_pressure(101, 20, by="station")
        born = date.fromtimestamp(clock.now - 8 * 365.25 * 86400)
        await ward.stays.correct(101, date_of_birth=born, by="test")
        with pytest.raises(CommandRefused, match="16 cmH2O is above the maximum of 15 for this age: give a reason"):
            await ward.command_pressure(101, 16, by="station")

    in_ward(tmp_path, story)


@asynccontextmanager
async def slow_disk(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A disk that hangs for longer than anybody waits; afterwards what was queued is on it."""
    monkeypatch.setattr(disk, "DISK_S", 0.1)
    goes_on = threading.Event()
    ward.store._writer.submit(lambda _db: goes_on.wait(5))
    await asyncio.sleep(0.1)
    try:
        yield
    finally:
        goes_on.set()
        await asyncio.sleep(0.3)


@pytest.mark.holds("F50.1", "F14.1")
def test_what_was_given_up_shows_once_it_is_on_disk(tmp_path, monkeypatch):
    """A disk that hangs for a while: nobody who was discharged stays on the wall until the server is restarted."""

    async def story(ward: Ward, _clock: Clock) -> None:
        async def shown() -> list[tuple[int, int | None]]:
            return [(room["room"], room["mrn"]) for room in await ward.summaries()]

        for what in (
            lambda: ward.stays.admit(101, 7, "Ada"),
            lambda: ward.stays.transfer(101, 102),
            lambda: ward.stays.correct(102, mrn=8, patient_name="Ben"),
            lambda: ward.stays.mark(102, "lights_off"),
            lambda: ward.stays.measure(102, pressure_cmh2o=9, respiratory_rate_per_min=14, apnea_count=3),
        ):
            async with slow_disk(ward, monkeypatch):
                with pytest.raises(StoreBusy):
                    await what()
        assert await shown() == [(102, 8)]
        stay = ward.room(102).stay
        assert (stay.patient_name, [mark.text for mark in stay.marks]) == ("Ben", ["Lights off"])
        assert (stay.measured.pressure_cmh2o, (await ward.summaries())[0]["total_apnea_count"]) == (9, 3)
        async with slow_disk(ward, monkeypatch):
            with pytest.raises(StoreBusy):
                await ward.stays.discharge(102)
        assert await shown() == []
        await ward.stays.admit(103, 8)
        assert await shown() == [(103, 8)]

    in_ward(tmp_path, story)


@pytest.mark.holds("F7.1")
def test_a_measurement_that_was_given_up_and_sent_again_is_one(tmp_path, monkeypatch):
    """Also while the disk still hangs; one that is sent a third time is another, by whoever measured it."""

    async def story(ward: Ward, _clock: Clock) -> None:
        async def measure() -> None:
            await ward.stays.measure(101, pressure_cmh2o=9, respiratory_rate_per_min=14, apnea_count=3)

        await ward.stays.admit(101, 7)
        async with slow_disk(ward, monkeypatch):
            for _ in range(2):
                with pytest.raises(StoreBusy):
                    await measure()
        for expected in (1, 2):
            await measure()
            assert len(ward.store.measurement_heads(7)) == expected
            assert (await ward.summaries())[0]["total_apnea_count"] == 3 * expected

    in_ward(tmp_path, story)


@pytest.mark.holds("F20.2")
def test_a_command_that_came_late_to_the_disk_is_not_sent_hours_later(tmp_path, monkeypatch):
    """Whoever gave it was told that it failed: it says so, also after a restart, and is told to no device."""

    async def story(ward: Ward, _clock: Clock) -> None:
        room, _trace = await ward.streams.open(101, spec("s1"), link := Link())
        async with slow_disk(ward, monkeypatch):
            with pytest.raises(StoreBusy):
                await ward.command_pressure(101, 12, by="a", command_id="late")
        again = await ward.command_pressure(101, 12, by="a", command_id="late")
        assert (again["state"], again["reason"]) == ("refused", NOT_SENT)
        assert room.stay.commands.pending is None
        # Asked for again while the disk hangs, it counts.
        async with slow_disk(ward, monkeypatch):
            with pytest.raises(StoreBusy):
                await ward.command_pressure(101, 11, by="a", command_id="again")
            monkeypatch.setattr(disk, "DISK_S", 5)
            asked = asyncio.create_task(ward.command_pressure(101, 11, by="a", command_id="again"))
            await asyncio.sleep(0)
        assert (await asked)["state"] == "delivered"
        assert [told["pressure_cmh2o"] for told in link.heard if told["type"] == "set_pressure"] == [11]

    async def after(ward: Ward, _clock: Clock) -> None:
        commands = ward.room(101).stay.commands
        assert [(c.command_id, c.state.value) for c in commands.newest] == [("again", "delivered"), ("late", "refused")]

    in_ward(tmp_path, story)
    in_ward(tmp_path, after)


@pytest.mark.holds("F50.1")
def test_a_stay_that_cannot_be_read_back_can_be_ended(tmp_path, monkeypatch):
    """Else its patient could be admitted nowhere, and its room would be faulted again after each restart."""

    async def before(ward: Ward, _clock: Clock) -> None:
        await ward.stays.admit(101, 7)

    def fails(*_given: object) -> None:
        raise ValueError("broken")

    async def after(ward: Ward, _clock: Clock) -> None:
        monkeypatch.undo()
        assert ward.room(101).problem.startswith("This stay could not be read back")
        await ward.stays.discharge(101, by="test")
        assert (ward.rooms(), ward.store.open_stays()) == ([], [])
        await ward.stays.admit(102, 7)

    in_ward(tmp_path, before)
    monkeypatch.setattr("monitor_app.ward.ward.rebuild_stay", fails)
    in_ward(tmp_path, after)


@pytest.mark.holds("F20.2")
def test_an_answer_that_comes_after_the_patient_has_left_is_that_patients(tmp_path):
    async def story(ward: Ward, _clock: Clock) -> None:
        await ward.stays.admit(101, 7, by="test")
        room, trace = await ward.streams.open(101, spec("s1"), Link())
        feed_breathing(ward, room, trace, 5)
        await ward.command_pressure(101, 18, by="station", command_id="c1")
        await ward.stays.admit(101, 8, by="test", replaces_mrn=7)
        ward.device_answered(ward.room(101), "c1", applied_cmh2o=18)
        ward.device_answered(ward.room(101), "never given", applied_cmh2o=18)
        await asyncio.sleep(0.3)
        assert ward.store.command("c1").state == "applied"
        assert ward.room(101).stay.pressure_cmh2o is None, "it is not the new patient's"

    in_ward(tmp_path, story)
