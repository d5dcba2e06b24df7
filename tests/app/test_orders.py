"""What pages order reaches the ward as it was meant, or is refused in words; histories are told while they are open."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from monitor_app.records import Records
from monitor_app.views.history import HistoryWatch
from monitor_app.views.orders import carry_out
from monitor_app.ward import Ward
from tests.app.ward_helpers import Clock, feed_breathing, in_ward, spec

TOLD_BY_S = 0.4
"""By then a change is told; several are gathered for 0.05 s, and the store answers from a thread."""


async def order(ward: Ward, what: str, **fields: Any) -> Any:
    """Order something as a page does."""
    return await carry_out(ward, {"type": what, "room": 101, **fields}, by="test")


@pytest.mark.holds("F50.1", "F1.2")
def test_a_patient_is_admitted_by_what_was_typed(tmp_path):
    async def story(ward: Ward, _clock: Clock) -> None:
        assert await order(ward, "admit", mrn="007", patient_name=" Ada ", date_of_birth="2016-02-03") == {}
        (room,) = await ward.summaries()
        assert (room["mrn"], room["patient_name"]) == (7, "Ada")
        assert ward.room(101).stay.date_of_birth.isoformat() == "2016-02-03"

    in_ward(tmp_path, story)


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("admit", {}, "Missing Patient Medical Record Number"),
        ("admit", {"mrn": " "}, "Missing Patient Medical Record Number"),
        ("admit", {"mrn": "12x"}, "'12x' is no whole number"),
        ("admit", {"mrn": -3}, "a whole number from 1"),
        ("admit", {"mrn": True}, "a whole number from 1"),
        ("admit", {"mrn": [7]}, "a whole number from 1"),
        ("admit", {"mrn": 7, "date_of_birth": "yesterday"}, "a day such as 1961-04-30"),
        ("admit", {"mrn": 7, "date_of_birth": "1066-10-14"}, "between 1880-01-01 and today"),
        ("admit", {"mrn": 7, "patient_name": "x" * 201}, "at most 200"),
        ("transfer", {}, "Missing Room Number"),
        ("discharge", {}, "Room 101 has no patient"),
        ("mark", {"kind": "lights_off"}, "does not say when"),
        ("nonsense", {}, "does not know this order"),
        ("admit", {"room": "101", "mrn": 7}, "does not know this order"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_changes_nothing(tmp_path, kind, fields, words):
    async def story(ward: Ward, _clock: Clock) -> None:
        assert words in await order(ward, kind, **fields)
        assert await ward.summaries() == []

    in_ward(tmp_path, story)


@pytest.mark.holds("F21.1")
def test_an_order_for_the_patient_before_does_not_reach_the_next(tmp_path):
    """A page that was slow to learn of a discharge discharges nobody else, and sets nobody else's pressure."""

    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        await ward.stays.discharge(101)
        await ward.stays.admit(101, 8)
        pressure = {"pressure_cmh2o": 12, "asked_at": clock()}
        for kind, fields in (
            ("discharge", {}),
            ("transfer", {"to_room": 102}),
            ("correct", {"mrn": 9}),
            ("set_pressure", pressure),
            ("mark", {"kind": "lights_off", "asked_at": clock()}),
        ):
            said = await order(ward, kind, patient_mrn=7, **fields)
            assert said == "Room 101 has another patient by now: look again before you do this"
        assert [room["mrn"] for room in await ward.summaries()] == [8]
        assert ward.store.commands_of_stay(ward.room(101).stay.stay_id) == []
        assert await order(ward, "set_pressure", patient_mrn=8, **pressure) is None
        assert await order(ward, "discharge", patient_mrn=8) == {}

    in_ward(tmp_path, story)


@pytest.mark.holds("F21.1")
@pytest.mark.parametrize("kind", ["discharge", "transfer", "correct", "set_pressure", "mark"])
def test_an_order_that_waits_for_an_admission_does_not_reach_who_is_admitted(tmp_path, kind):
    """Two technicians at once: one replaces the patient while the other's order for that patient waits its turn."""

    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        replacing = asyncio.create_task(ward.stays.admit(101, 8, replaces_mrn=7))
        await asyncio.sleep(0)
        fields = {"to_room": 102, "mrn": 9, "pressure_cmh2o": 12, "asked_at": clock()}
        said = await order(ward, kind, patient_mrn=7, **fields | ({"kind": "lights_off"} if kind == "mark" else {}))
        await replacing
        assert said == "Room 101 has another patient by now: look again before you do this"
        assert [room["mrn"] for room in await ward.summaries()] == [8]

    in_ward(tmp_path, story)


@pytest.mark.holds("F51.1")
def test_a_mark_that_was_held_up_is_refused_since_it_would_mark_another_moment(tmp_path):
    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        asked = {"kind": "mask_refit", "patient_mrn": 7, "asked_at": clock()}
        clock.now += 4
        assert await order(ward, "mark", **asked) == "it came 4 s late. Mark it again"
        assert await order(ward, "mark", **asked | {"asked_at": clock()}) == {}
        assert [mark.text for mark in ward.room(101).stay.marks] == ["Mask refit"]

    in_ward(tmp_path, story)


@pytest.mark.holds("F16.2", "F18.1")
def test_an_open_history_is_told_of_what_changes_and_a_closed_one_of_nothing(tmp_path):
    async def story(ward: Ward, _clock: Clock) -> None:
        told: list[dict[str, Any]] = []
        records = Records(ward.store)
        watch = HistoryWatch(ward, records, lambda _kind, news: told.append(news))

        async def measured(pressure: int) -> None:
            await ward.stays.measure(101, pressure_cmh2o=pressure, respiratory_rate_per_min=14, apnea_count=0)

        await ward.stays.admit(101, 7)
        await ward.stays.admit(102, 8)
        await measured(9)
        opened = await watch.open(101)
        assert (opened["mrn"], [one["pressure_cmh2o"] for one in opened["records"]]) == (7, [9])
        await ward.command_pressure(102, 11, by="test")
        await measured(10)
        await asyncio.sleep(TOLD_BY_S)
        assert [one["pressure_cmh2o"] for one in told[-1]["records"]] == [10, 9]
        await ward.command_pressure(101, 12, by="test")
        assert (told[-1]["commands"][0]["pressure_cmh2o"], "records" in told[-1]) == (12, False)
        room, trace = await ward.streams.open(101, spec("s1"), None)
        await asyncio.sleep(TOLD_BY_S)
        assert [one["kind"] for one in told[-1]["records"]].count("recording") == 1
        feed_breathing(ward, room, trace, 5)
        count = len(told)
        watch.close()
        await measured(8)
        await asyncio.sleep(TOLD_BY_S)
        assert len(told) == count
        records.close()

    in_ward(tmp_path, story)


@pytest.mark.holds("F21.1")
def test_a_history_is_the_new_patients_once_another_is_there(tmp_path):
    async def story(ward: Ward, _clock: Clock) -> None:
        told: list[dict[str, Any]] = []
        records = Records(ward.store)
        watch = HistoryWatch(ward, records, lambda _kind, news: told.append(news))
        await ward.stays.admit(101, 7)
        await ward.stays.measure(101, pressure_cmh2o=9, respiratory_rate_per_min=14, apnea_count=0)
        await watch.open(101)
        await ward.stays.admit(101, 8, replaces_mrn=7)
        await asyncio.sleep(TOLD_BY_S)
        assert (told[-1]["mrn"], told[-1]["records"]) == (8, [])
        watch.close()
        records.close()

    in_ward(tmp_path, story)
