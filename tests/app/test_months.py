"""A stay that lasts for months: what the retention removed is still counted, and a restart needs its last day only."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cpap_core.simulate import SimulatedPatient
from cpap_core.types import Breath, EventKind, OpenEvent
from monitor_app.ward import Room, StreamRefused, Trace, Ward, rebuild
from monitor_app.ward.resume import numbers
from store import StoreBehind
from tests.app.ward_helpers import Clock, Link, feed_breathing, in_ward, spec

RATE_HZ = 25
FRESH = ("state", "respiratory_rate_per_min")
"""What a restart makes anew; all other fields of a room must be those of an uninterrupted run."""


def with_apneas(seconds: int, seed: int = 5) -> np.ndarray:
    """Flow and pressure of a patient with an apnea each minute, float32, at 25 Hz."""
    patient = SimulatedPatient(seed, critical_pressure_cmh2o=9.5, obstructive_events_per_h=60, first_event_s=20)
    return np.column_stack(patient.samples(RATE_HZ * seconds)).astype(np.float32)


async def feed(ward: Ward, clock: Clock, room: Room, trace: Trace, values: np.ndarray) -> None:
    """Send frames of a second, each at its second, as a device does."""
    for at in range(0, len(values), RATE_HZ):
        part = values[at : at + RATE_HZ]
        clock.now += len(part) / RATE_HZ
        ward.streams.feed(room, trace, trace.detected_next, part[:, 0].copy(), part[:, 1].copy())
        if at % (600 * RATE_HZ) == 0:
            await ward.streams.stored(trace)
    await ward.streams.stored(trace)


async def trim(ward: Ward, received_before: float) -> None:
    """Remove all that was received before."""
    for recording_id in ward.store.received_before(received_before):
        while (await asyncio.wrap_future(ward.store.trim(recording_id, received_before))).is_more:
            pass


def same(row: dict[str, Any]) -> dict[str, Any]:
    """A room's fields without what a restart makes anew."""
    return {key: value for key, value in row.items() if key not in FRESH}


@pytest.mark.parametrize("kept_s", [300, 1234, 1500, 1785])
def test_counts_after_a_restart_include_what_was_trimmed(tmp_path: Path, kept_s: int) -> None:
    """Restart, retention: breaths, apneas and samples are those of an uninterrupted run, and so are their numbers."""
    values = with_apneas(3600)
    rows: list[dict[str, Any]] = []

    async def before(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7, "Ada")
        room, trace = await ward.streams.open(101, spec("s"), Link())
        await feed(ward, clock, room, trace, values[: 1800 * RATE_HZ])
        await trim(ward, clock.now - kept_s)
        rows.extend(await ward.summaries())

    async def after(ward: Ward, clock: Clock) -> None:
        clock.now += 1800
        rows.extend(await ward.summaries())
        room, trace = await ward.streams.open(101, spec("s"), Link())
        recording = ward.store.recording(trace.recording_id)
        assert recording is not None
        assert recording.kept_from > 0
        assert trace.stored_next == 1800 * RATE_HZ
        await feed(ward, clock, room, trace, values[1800 * RATE_HZ :])
        rows.extend(await ward.summaries())
        last = ward.store.breaths_end(trace.recording_id)
        assert last == trace.breaths
        assert ward.store.breath_count(trace.recording_id) == last - recording.trimmed_breaths, "no number twice"
        every = ward.store.events_of(trace.recording_id)
        gaps, scored = ([e for e in every if (e.kind is EventKind.BREATH_GAP) == is_gap] for is_gap in (True, False))
        assert [event.id for event in gaps] == list(range(trace.apnea_count))
        assert [event.id for event in scored] == [-1 - at for at in range(trace.detector.scored_count)]
        for events in (gaps, scored):
            assert all(b.onset_s > a.onset_s + 5 for a, b in pairwise(events)), "none is there twice"

    async def uninterrupted(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7, "Ada")
        room, trace = await ward.streams.open(101, spec("s"), Link())
        await feed(ward, clock, room, trace, values)
        rows.extend(await ward.summaries())

    in_ward(tmp_path, before)
    in_ward(tmp_path, after)
    in_ward(tmp_path / "other", uninterrupted)
    was, now, later, expected = map(same, rows)
    assert was == now
    assert was["apnea_count"] >= 10
    assert later == expected


def test_a_restart_needs_the_last_day_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restart: months of samples are neither read nor run again, whether they are kept or not."""
    monkeypatch.setattr(rebuild, "MOST_AGAIN_S", 600.0)
    values = with_apneas(1800)
    rows: list[dict[str, Any]] = []

    async def before(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        await feed(ward, clock, room, trace, values)
        rows.extend(await ward.summaries())

    async def after(ward: Ward, clock: Clock) -> None:
        clock.now += 1800
        rows.extend(await ward.summaries())
        (room,) = ward.rooms()
        assert room.trace is not None
        assert min(room.trace.night.minutes) >= room.trace.spec.start_time + 1200
        assert len(room.trace.closed) == room.trace.apnea_count + room.trace.detector.scored_count - len(
            room.trace.open
        )

    in_ward(tmp_path, before)
    in_ward(tmp_path, after)
    assert same(rows[0]) == same(rows[1])


def test_what_a_sudden_end_kept_from_the_disk_is_found_and_numbered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restart: also of a trimmed recording, breaths and events missing at its end and in its middle are written."""
    values = with_apneas(1800)
    rows: list[dict[str, Any]] = []
    stored: list[tuple[list[Breath], list[Any]]] = []

    def full(*_: Any, **__: Any) -> None:
        raise StoreBehind("the queue is full")

    async def before(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        for start, stop, is_full in ((0, 1000, False), (1000, 1100, True), (1100, 1500, False), (1500, 1800, True)):
            with monkeypatch.context() as patch:
                if is_full:
                    patch.setattr(ward.store, "put_breaths", full)
                    patch.setattr(ward.store, "put_event", full)
                await feed(ward, clock, room, trace, values[start * RATE_HZ : stop * RATE_HZ])
        await trim(ward, clock.now - 1200)
        rows.extend(await ward.summaries())

    async def after(ward: Ward, clock: Clock) -> None:
        clock.now += 1800
        rows.extend(await ward.summaries())
        (room,) = ward.rooms()
        assert room.trace is not None
        stored.append((ward.store.breaths_of(room.trace.recording_id), ward.store.events_of(room.trace.recording_id)))

    async def whole(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        await feed(ward, clock, room, trace, values)
        stored.append((ward.store.breaths_of(trace.recording_id), ward.store.events_of(trace.recording_id)))

    in_ward(tmp_path, before)
    in_ward(tmp_path, after)
    in_ward(tmp_path / "other", whole)
    assert same(rows[0]) == same(rows[1])
    (breaths, events), (all_breaths, all_events) = stored
    expected = all_breaths[-len(breaths) :]
    assert len(expected) > 100
    assert [b.onset_s for b in breaths] == pytest.approx([b.onset_s for b in expected], abs=0.2)
    assert [event.id for event in events] == [event.id for event in all_events]
    assert [e.onset_s for e in events] == pytest.approx([e.onset_s for e in all_events], abs=0.2)
    assert [e.duration_s for e in events if e.duration_s] == pytest.approx(
        [e.duration_s for e in all_events if e.duration_s], abs=0.2
    )


def open_gaps(trace: Trace) -> list[OpenEvent]:
    return [event for event in trace.open.values() if event.kind is EventKind.BREATH_GAP]


def test_an_apnea_that_lasts_through_the_restart_is_one(tmp_path: Path) -> None:
    """F41: the open gap keeps its number and its alarm, and is counted once when it closes."""
    values = with_apneas(2400)

    async def before(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        at = 1200 * RATE_HZ
        await feed(ward, clock, room, trace, values[:at])
        while not open_gaps(trace):
            await feed(ward, clock, room, trace, values[at : at + RATE_HZ])
            at += RATE_HZ
        await trim(ward, clock.now - 600)
        opened.append((trace.apnea_count, open_gaps(trace)[0], at))

    async def after(ward: Ward, clock: Clock) -> None:
        clock.now += 2400
        (count, event, at) = opened[0]
        room, trace = await ward.streams.open(101, spec("s"), Link())
        assert trace.apnea_count == count
        (again,) = open_gaps(trace)
        assert again.id == event.id
        assert again.onset_s == pytest.approx(event.onset_s, abs=0.1)
        vitals = trace.vitals()
        assert vitals is not None
        assert vitals.breath_gap_open
        await feed(ward, clock, room, trace, values[at : at + 40 * RATE_HZ])
        assert trace.apnea_count == count
        assert not open_gaps(trace)
        (closed,) = (each for each in ward.store.events_of(trace.recording_id) if each.id == event.id)
        assert closed.duration_s is not None

    opened: list[tuple[int, OpenEvent, int]] = []
    in_ward(tmp_path, before)
    in_ward(tmp_path, after)


def test_a_stay_whose_samples_all_went_keeps_its_counts(tmp_path: Path) -> None:
    """A room whose device fell silent longer ago than the retention: counts stay, and the device may come back."""
    rows: list[dict[str, Any]] = []

    async def before(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7, "Ada")
        room, trace = await ward.streams.open(101, spec("s"), Link())
        await feed(ward, clock, room, trace, with_apneas(1200))
        await ward.streams.end(trace)
        rows.extend(await ward.summaries())
        await trim(ward, clock.now + 1)

    async def after(ward: Ward, clock: Clock) -> None:
        rows.extend(await ward.summaries())
        room, trace = await ward.streams.open(101, spec("t"), Link())
        feed_breathing(ward, room, trace, 60)
        row = (await ward.summaries())[0]
        assert row["breaths"] >= rows[0]["breaths"] + 12
        assert row["total_apnea_count"] == rows[0]["total_apnea_count"]

    in_ward(tmp_path, before)
    in_ward(tmp_path, after)
    # Nothing on disk says any more when the last sample came, or that the last breath had only begun.
    was, now = ({k: v for k, v in same(row).items() if k != "newest_sample_time"} for row in rows)
    assert was == now
    assert was["apnea_count"] >= 5


def test_resends_from_before_the_retention_are_acknowledged(tmp_path: Path) -> None:
    """A device that sends what it was told is stored, and what has gone since, is told so again and not refused."""

    async def story(ward: Ward, clock: Clock) -> None:
        link = Link()
        room, trace = await ward.streams.open(101, spec("s"), link)
        values = with_apneas(600)
        await feed(ward, clock, room, trace, values)
        await trim(ward, clock.now - 300)
        recording = ward.store.recording(trace.recording_id)
        assert recording is not None
        kept_from = recording.kept_from
        assert 200 * RATE_HZ < kept_from < 400 * RATE_HZ
        for first in (0, kept_from - 100):
            link.heard.clear()
            again = values[first : first + 200]
            ward.streams.feed(room, trace, first, again[:, 0].copy(), again[:, 1].copy())
            assert link.last("ack") == {"type": "ack", "next_sample": len(values)}
        other = values[kept_from - 100 : kept_from + 100, 0].copy()
        other[150] += 1
        with pytest.raises(StreamRefused, match="backward"):
            ward.streams.feed(room, trace, kept_from - 100, other, other)

    in_ward(tmp_path, story)


def test_numbers_of_what_is_found_again() -> None:
    """The disk's numbers count; a hole in them is filled, what it has no place for is left out, the rest follows."""
    stored = [(7, 10.0), (8, 14.0), (11, 26.0)]
    assert numbers([10.1, 14.0, 17.9, 22.0, 26.0, 30.0, 34.0], stored, 12) == [7, 8, 9, 10, 11, 12, 13]
    assert numbers([6.0, 10.0, 12.0, 14.0], stored, 12) == [None, 7, None, 8]
    assert numbers([14.2, 30.0], stored, 12) == [8, 12]
    assert numbers([1.0, 5.0], [], 3) == [3, 4]
    assert numbers([], stored, 12) == []
