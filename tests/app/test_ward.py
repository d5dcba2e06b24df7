"""The ward without sockets and browsers: stays, states, conditions, commands, faults, and a store that is behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor_app.ward import AdmissionRefused, RoomTaken, StoreBusy, StreamRefused, Ward, rebuild
from monitor_app.ward.room import Moment
from store import StoreBehind
from tests.app.raw_device import breathing
from tests.app.ward_helpers import Clock, Link, feed_breathing, feed_pause, in_ward, spec

BREATH_S = 4.0


@pytest.mark.holds("F5.1")
def test_f5_one_mrn_in_one_room(tmp_path: Path) -> None:
    """F5: an MRN that is in another room is refused by the server, in these words; F33: 007 is 7."""

    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7, "Ada")
        with pytest.raises(AdmissionRefused, match="MRN 7 is already assigned to Room 101"):
            await ward.stays.admit(102, 7, "Ada")
        with pytest.raises(AdmissionRefused, match="another patient"):
            await ward.stays.admit(101, 8, "Ben")
        await ward.stays.admit(101, 7, "Ada Lovelace")
        (row,) = await ward.summaries()
        assert (row["room"], row["mrn"], row["patient_name"]) == (101, 7, "Ada Lovelace")

    in_ward(tmp_path, story)


@pytest.mark.holds("F50.1")
def test_f50_an_unidentified_stay_gets_its_patient(tmp_path: Path) -> None:
    """F50: a stay that began by itself becomes the patient's, with what was recorded."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 40)
        await ward.streams.stored(trace)
        await ward.stays.admit(101, 7, "Ada")
        (row,) = await ward.summaries()
        assert (row["mrn"], row["samples_received"]) == (7, 1000)
        assert row["breaths"] >= 8

    in_ward(tmp_path, story)


@pytest.mark.holds("F23.2", "F23.4")
def test_f23_total_over_all_data_of_the_patient(tmp_path: Path) -> None:
    """F23: 2, 0, 1 gives total 3; live apneas add to it, also while they last."""

    async def story(ward: Ward, clock: Clock) -> None:
        await asyncio.wrap_future(ward.store.upsert_patient(7, "Ada"))
        for count in (2, 0, 1):
            await asyncio.wrap_future(ward.store.add_measurement(7, received_at=clock(), apnea_count=count))
        await ward.stays.admit(101, 7)
        assert (await ward.summaries())[0]["total_apnea_count"] == 3
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 40)
        feed_pause(ward, room, trace, 12)
        row = (await ward.summaries())[0]
        assert (row["apnea_count"], row["apnea_count_last_hour"], row["total_apnea_count"]) == (1, 1, 4)

    in_ward(tmp_path, story)


def test_an_acknowledgement_goes_to_the_device_that_sent(tmp_path: Path) -> None:
    """A device drops what is acknowledged: it must never hear another recording's index."""

    async def story(ward: Ward, clock: Clock) -> None:
        old = Link()
        room, trace = await ward.streams.open(101, spec("old"), old)
        feed_breathing(ward, room, trace, 2)
        await ward.streams.stored(trace)
        clock.now += 6
        room, posted = await ward.streams.open(101, spec("posted"), None)
        assert old.closed == 4409
        feed_breathing(ward, room, posted, 200)
        await ward.streams.stored(posted)
        assert old.last("ack") == {"type": "ack", "next_sample": 50}

    in_ward(tmp_path, story)


@pytest.mark.holds("F23.3")
def test_f23_latest_count_is_of_the_last_hour_of_recording_time(tmp_path: Path) -> None:
    """F23: an apnea more than 60 minutes ago no longer counts as the latest, but in the total."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 40)
        feed_pause(ward, room, trace, 15)
        feed_breathing(ward, room, trace, 3500)
        assert (await ward.summaries())[0]["apnea_count_last_hour"] == 1
        feed_breathing(ward, room, trace, 120)
        row = (await ward.summaries())[0]
        assert (row["apnea_count"], row["apnea_count_last_hour"]) == (1, 0)

    in_ward(tmp_path, story)


@pytest.mark.holds("F41.1", "F41.3")
def test_f41_numbers_are_unknown_in_a_breath_gap(tmp_path: Path) -> None:
    """F41: known while it lasts; rate, tidal volume and minute ventilation are unknown until the next breath."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 40)
        clock.now += 1
        ward.refresh()
        assert room.values["respiratory_rate_per_min"] == pytest.approx(15, abs=0.3)
        feed_pause(ward, room, trace, 11)
        clock.now += 1
        ward.refresh()
        unknown = ("respiratory_rate_per_min", "tidal_volume_ml", "minute_ventilation_lpm")
        assert [room.values[key] for key in unknown] == [None, None, None]
        assert room.values["no_breath_s"] >= 10
        (condition,) = room.values["conditions"]
        assert (condition["kind"], condition["priority"]) == ("no_breath", "medium")
        feed_pause(ward, room, trace, 10)
        clock.now += 1
        ward.refresh()
        assert room.values["conditions"][0]["priority"] == "high"
        feed_breathing(ward, room, trace, 12)
        clock.now += 1
        ward.refresh()
        assert room.values["conditions"] == []
        assert room.values["respiratory_rate_per_min"] is not None

    in_ward(tmp_path, story)


@pytest.mark.holds("F41.2")
def test_before_the_first_breath_a_room_is_not_armed(tmp_path: Path) -> None:
    """F41: the clock is armed by the first breath of a stay."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_pause(ward, room, trace, 60)
        ward.refresh()
        assert room.values["armed"] is False
        assert room.values["conditions"] == []
        assert room.values["apnea_count"] == 0

    in_ward(tmp_path, story)


@pytest.mark.holds("F42.2")
def test_f42_states_follow_the_age_of_the_newest_sample(tmp_path: Path) -> None:
    """F42: stale after 2 s, silent after 5 s, and then a condition of its own; numbers are unknown."""

    async def story(ward: Ward, clock: Clock) -> None:
        assert await ward.summaries() == []
        await ward.stays.admit(101, 7)
        assert (await ward.summaries())[0]["state"] == "silent"
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 40)
        for age, state in ((0, "live"), (1.9, "live"), (2.0, "stale"), (4.9, "stale"), (5.0, "silent")):
            assert room.state(Moment(0.0, clock.monotonic() + age)) == state
        clock.now += 6
        ward.refresh()
        assert room.values["respiratory_rate_per_min"] is None
        (condition,) = room.values["conditions"]
        assert (condition["kind"], condition["technical"], condition["since"]) == ("device_silent", True, clock.now - 6)

    in_ward(tmp_path, story)


def test_silence_does_not_take_an_alarm_away(tmp_path: Path) -> None:
    """CLINICAL: a device that falls silent in an apnea leaves the apnea's condition standing, beside its own."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 40)
        feed_pause(ward, room, trace, 23)
        clock.now += 10
        ward.refresh()
        assert [(c["kind"], c["priority"]) for c in room.values["conditions"]] == [
            ("no_breath", "high"),
            ("device_silent", "medium"),
        ]

    in_ward(tmp_path, story)


def test_a_recording_that_ended_is_no_alarm(tmp_path: Path) -> None:
    """A device that says `end` is not silent by accident."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 40)
        await ward.streams.end(trace)
        clock.now += 10
        ward.refresh()
        assert room.values["state"] == "silent"
        assert room.values["conditions"] == []
        assert "ended" in room.values["problem"]

    in_ward(tmp_path, story)


def test_large_leak_needs_its_time(tmp_path: Path) -> None:
    """CLINICAL: above 24 L/min for more than 20 s."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s", channels=(("flow", "L/min"),)), Link())

        def leak(seconds: int) -> list[str]:
            for _ in range(seconds * 5):
                flow = breathing(5, 25, trace.detected_next)[:, 0] + np.float32(40)
                ward.streams.feed(room, trace, trace.detected_next, flow, None)
            clock.now += 1
            ward.refresh()
            return [c["kind"] for c in room.values["conditions"]]

        assert leak(20) == []
        assert leak(30) == ["large_leak"]

    in_ward(tmp_path, story)


@pytest.mark.parametrize("sign", [1, -1])
def test_flow_of_the_wrong_sign_is_a_remark_and_no_alarm(tmp_path: Path, sign: int) -> None:
    """Said while it comes, and no longer than that; CLINICAL.md's table of alarms does not have it."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s1"), Link())
        flow = sign * breathing(400 * 25)[:, 0]
        ward.streams.feed(room, trace, 0, flow, None)
        ward.refresh()
        said = "Flow looks inverted: check its sign" if sign < 0 else None
        assert (room.values["problem"], room.values["conditions"]) == (said, [])
        clock.now += 3
        ward.refresh()
        assert room.values["problem"] is None

    in_ward(tmp_path, story)


def test_a_failing_detector_faults_its_room_alone(tmp_path: Path) -> None:
    """A failing room is marked faulted, its samples are stored all the same, and the others go on."""

    async def story(ward: Ward, clock: Clock) -> None:
        ill, ill_trace = await ward.streams.open(101, spec("a"), Link())
        well, well_trace = await ward.streams.open(102, spec("b"), Link())
        feed_breathing(ward, ill, ill_trace, 20)

        def fail(*_: Any) -> None:
            raise ZeroDivisionError

        ill_trace.detector.update = fail  # type: ignore[method-assign]
        feed_breathing(ward, ill, ill_trace, 20)
        feed_breathing(ward, well, well_trace, 40)
        rows = await ward.summaries()
        assert [row["state"] for row in rows] == ["faulted", "live"]
        assert rows[0]["respiratory_rate_per_min"] is None
        assert await ward.streams.stored(ill_trace) == 1000
        assert ward.healthy()["faulted_rooms"] == [101]
        ward.refresh()
        assert ill.values["conditions"][0]["kind"] == "faulted"

    in_ward(tmp_path, story)


def test_acknowledgements_come_after_the_disk(tmp_path: Path) -> None:
    """What a device got an acknowledgement for is stored."""

    async def story(ward: Ward, clock: Clock) -> None:
        link = Link()
        room, trace = await ward.streams.open(101, spec("s"), link)
        feed_breathing(ward, room, trace, 4)
        assert link.last("ack") is None
        await ward.streams.stored(trace)
        assert link.last("ack") == {"type": "ack", "next_sample": 100}
        assert ward.store.recording(trace.recording_id).next_sample == 100  # type: ignore[union-attr]

    in_ward(tmp_path, story)


def test_a_store_that_is_behind_withholds_and_recovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restart: queue full, so the acknowledgement is withheld, the live view goes on, and the device sends again."""

    async def story(ward: Ward, clock: Clock) -> None:
        link = Link()
        room, trace = await ward.streams.open(101, spec("s"), link)
        feed_breathing(ward, room, trace, 20)
        await ward.streams.stored(trace)

        def full(*_: Any, **__: Any) -> None:
            raise StoreBehind("the queue is full")

        with monkeypatch.context() as patch:
            patch.setattr(ward.store, "append_samples", full)
            feed_breathing(ward, room, trace, 20)
        row = (await ward.summaries())[0]
        assert (row["state"], row["samples_received"]) == ("live", 1000)
        assert row["breaths"] >= 8
        assert link.last("ack") == {"type": "ack", "next_sample": 500}
        assert ward.healthy()["rooms_behind"] == [101]

        feed_breathing(ward, room, trace, 1)
        assert link.closed == 1013
        feed_breathing(ward, room, trace, 1)
        await ward.streams.stored(trace)
        assert trace.stored_next == 500, "a frame that was still under way must not leave a hole before it"
        ward.streams.gone(trace, link)
        back = Link()
        room, trace = await ward.streams.open(101, spec("s"), back)
        assert trace.stored_next == 500
        values = breathing(550, 25, 500)
        before = trace.breath_count
        ward.streams.feed(room, trace, 500, values[:, 0].copy(), values[:, 1].copy())
        assert await ward.streams.stored(trace) == 1050
        assert trace.breath_count == before
        assert back.last("ack") == {"type": "ack", "next_sample": 1050}
        assert (await ward.summaries())[0]["samples_received"] == 1050

    in_ward(tmp_path, story)


def test_a_clock_that_was_set_back_keeps_nothing_alive(tmp_path: Path) -> None:
    """F42: ages are taken by a clock that never steps; after a restart nothing is live until a sample comes."""

    async def before(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 20)
        await ward.streams.stored(trace)
        clock.step(-3600)
        clock.now += 10
        assert (await ward.summaries())[0]["state"] == "silent"
        await ward.streams.open(101, spec("spare"), Link())

    async def after(ward: Ward, clock: Clock) -> None:
        assert (await ward.summaries())[0]["state"] == "silent"

    in_ward(tmp_path, before)
    in_ward(tmp_path, after)


def test_an_end_before_the_disk_has_all_is_put_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording is not closed while samples of it are missing from the queue: the device must send them first."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())

        def full(*_: Any, **__: Any) -> None:
            raise StoreBehind("the queue is full")

        with monkeypatch.context() as patch:
            patch.setattr(ward.store, "append_samples", full)
            feed_breathing(ward, room, trace, 20)
        with pytest.raises(StoreBusy):
            await ward.streams.end(trace)
        assert not trace.ended

    in_ward(tmp_path, story)


def test_breaths_that_a_full_queue_kept_from_the_disk_are_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restart: also breaths missing in the middle of those stored are written again from the samples."""
    counts: list[int] = []

    async def before(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 40)

        def full(*_: Any, **__: Any) -> None:
            raise StoreBehind("the queue is full")

        with monkeypatch.context() as patch:
            patch.setattr(ward.store, "put_breaths", full)
            feed_breathing(ward, room, trace, 40)
        feed_breathing(ward, room, trace, 40)
        await ward.streams.stored(trace)
        counts.append(trace.breaths)

    async def after(ward: Ward, clock: Clock) -> None:
        (room,) = ward.rooms()
        counts.append(len(ward.store.breaths_of(room.trace.recording_id)))  # type: ignore[union-attr]

    in_ward(tmp_path, before)
    in_ward(tmp_path, after)
    assert counts[0] == counts[1] > 25


def test_a_stay_that_cannot_be_read_back_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restart: one broken stay must not keep the whole ward from coming up."""

    async def before(ward: Ward, clock: Clock) -> None:
        for number in (101, 102):
            room, trace = await ward.streams.open(number, spec(f"s{number}"), Link())
            feed_breathing(ward, room, trace, 20)
            await ward.streams.stored(trace)

    async def after(ward: Ward, clock: Clock) -> None:
        rows = {row["room"]: row for row in await ward.summaries()}
        assert rows[102]["samples_received"] == 500
        assert "could not be read back" in (ward.room(101).problem or "")  # type: ignore[union-attr]

    in_ward(tmp_path, before)
    real = rebuild.rebuild_stay

    def broken(store: Any, row: Any) -> Any:
        if row.room == 101:
            raise ValueError("torn")
        return real(store, row)

    monkeypatch.setattr("monitor_app.ward.ward.rebuild_stay", broken)
    in_ward(tmp_path, after)


def test_a_new_device_takes_over_once_the_old_is_silent(tmp_path: Path) -> None:
    """4409 while another is live; after 5 s of silence the new one begins a recording of the same stay."""

    async def story(ward: Ward, clock: Clock) -> None:
        old = Link()
        room, trace = await ward.streams.open(101, spec("old"), old)
        feed_breathing(ward, room, trace, 40)
        with pytest.raises(RoomTaken):
            await ward.streams.open(101, spec("new"), Link())
        clock.now += 5.1
        room, trace = await ward.streams.open(101, spec("new"), Link())
        assert old.closed == 4409
        feed_breathing(ward, room, trace, 40)
        row = (await ward.summaries())[0]
        assert row["samples_received"] == 2000
        assert row["breaths"] >= 16

    in_ward(tmp_path, story)


def test_backward_samples_older_than_the_ring_are_told_too(tmp_path: Path) -> None:
    """A counter that started again is refused however long ago its index was; a true resend is not."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 200)
        await ward.streams.stored(trace)
        values = breathing(100, 25, 0)
        ward.streams.feed(room, trace, 0, values[:, 0].copy(), values[:, 1].copy())
        with pytest.raises(StreamRefused, match="backward"):
            ward.streams.feed(room, trace, 0, values[::-1, 0].copy(), values[:, 1].copy())

    in_ward(tmp_path, story)


def test_a_ward_is_rebuilt_as_it_was(tmp_path: Path) -> None:
    """Restart: every field of the room but its freshness is what an uninterrupted run has, open apnea included."""
    rows: list[dict[str, Any]] = []

    async def before(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7, "Ada")
        for name in ("first", "second"):
            clock.now += 10
            room, trace = await ward.streams.open(101, spec(name), Link())
            feed_breathing(ward, room, trace, 40)
            feed_pause(ward, room, trace, 15)
            feed_breathing(ward, room, trace, 40)
            trace_gap = trace.detected_next + 500
            values = np.zeros(100, np.float32)
            ward.streams.feed(room, trace, trace_gap, values, values + 9)
            feed_breathing(ward, room, trace, 40)
            feed_pause(ward, room, trace, 12)
            await ward.streams.stored(trace)
        await ward.command_pressure(101, 9, by="a")
        rows.extend(await ward.summaries())

    async def after(ward: Ward, clock: Clock) -> None:
        clock.now += 1000
        rows.extend(await ward.summaries())
        (room,) = ward.rooms()
        _, (flow, _) = room.trace.ring.since(0)  # type: ignore[union-attr]
        assert len(flow) == 1500
        assert np.isfinite(flow[-1400:]).all(), "pages are filled with what was drawn before the restart"

    in_ward(tmp_path, before)
    in_ward(tmp_path, after)
    was, now = rows
    fresh = ("state", "respiratory_rate_per_min")
    assert {k: v for k, v in was.items() if k not in fresh} == {k: v for k, v in now.items() if k not in fresh}
    assert was["apnea_count"] >= 4
    assert now["state"] == "silent"
