"""Encode once, send to all: every page whole and in step, and one that stopped reading holds up nobody."""

from __future__ import annotations

import asyncio
import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmarks import devices
from benchmarks.bokeh_client import BokehPage, PageClient
from benchmarks.continuity import Continuity
from benchmarks.process import Process, Server
from monitor_app.push import Broadcaster, Site, broadcast, wire
from monitor_app.push.packing import unpack
from tests.app.ward_helpers import Clock, Link, feed_breathing, open_ward, spec

ROOM = devices.FIRST_ROOM


@pytest.fixture(scope="module", params=["1", "0"], ids=["encode once", "plain"])
def streaming(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with three rooms that stream, pushing the fast way and the plain way."""
    command = [sys.executable, "-P", "-m", "benchmarks.devices"]
    with (
        Server(tmp_path_factory.mktemp("data"), MONITOR_ENCODE_ONCE=request.param) as server,
        Process([*command, server.url, "--rooms", "3"]),
    ):
        yield server


@pytest.mark.parametrize("path", ["/wall", f"/room?room={ROOM}"])
def test_pages_that_come_and_go_get_every_sample_once(streaming: Server, path: str) -> None:
    """Both ways of pushing: no gap, no double, no wrong value, whoever joins or leaves meanwhile."""

    async def watch() -> None:
        pages = [PageClient(streaming.url, path, expected=devices.shown_on(path.partition("?")[0])) for _ in range(4)]
        for page in pages:
            await page.join()
            await asyncio.sleep(0.13)
        for page in pages:
            page.measuring = True
        await asyncio.wait_for(pages[0].heard(8), 20)
        pages[0].leave()
        late = PageClient(streaming.url, path, expected=devices.shown_on(path.partition("?")[0]))
        await late.join()
        late.measuring = True
        await asyncio.wait_for(asyncio.gather(late.heard(8), pages[3].heard(16)), 30)
        assert [dict(+page.continuity.faults) for page in (*pages, late)] == [{}] * 5
        for page in (*pages[1:], late):
            page.leave()

    asyncio.run(watch())


class LatePage(BokehPage):
    """A page that takes its time to pull the document, and, as BokehJS does, heeds no push before it has."""

    def __init__(self, *where: str) -> None:
        super().__init__(*where)
        self.snapshots = 0

    def _say(self, kind: str, content: dict[str, Any]) -> None:
        later = 1.3 if kind == "PULL-DOC-REQ" else 0.0
        asyncio.get_running_loop().call_later(later, super()._say, kind, content)

    def _patched(self, content: bytes, received_at: float) -> None:
        self.snapshots += self._pulled.is_set() and b'"snapshot"' in content


def test_a_page_that_is_slow_to_begin_gets_its_snapshot(streaming: Server) -> None:
    """What was sent before a page could read it is lost on it: when it says that it is ready, it gets all again."""

    async def watch() -> None:
        page = LatePage(streaming.url, "/wall")
        await page.open()
        await asyncio.sleep(1)
        page.leave()
        assert page.snapshots >= 1

    asyncio.run(watch())


class SlowWire:
    """A browser's connection that takes nothing for a while."""

    def __init__(self, connection: Any) -> None:
        self.is_open = self.is_clear = self.reads = True
        self.received: list[dict[str, Any]] = []
        self.dropped = False

    def send(self, frames: bytes) -> bool:
        """Take whole messages while reading."""
        if self.reads:
            self.received.append(decoded(frames))
        return self.reads

    def drop(self) -> None:
        """Be dropped."""
        self.dropped = True


def decoded(frames: bytes) -> dict[str, Any]:
    """The push in a message's three text frames."""
    content = json.loads(frames[frames.index(b'{"events"') :])
    return {name: as_python(column)[0] for name, column in content["events"][0]["data"]["entries"]}


def as_python(value: Any) -> Any:
    """Bokeh's maps as dictionaries."""
    if isinstance(value, dict):
        return {key: as_python(item) for key, item in value["entries"]}
    return [as_python(item) for item in value] if isinstance(value, list) else value


def test_a_browser_that_stopped_reading_gets_one_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Late joiners and laggards get one coalesced message; the others notice nothing; one that is stuck is dropped."""
    monkeypatch.setattr(wire, "Wire", SlowWire)

    async def story() -> None:
        clock = Clock()
        async with open_ward(tmp_path, clock) as ward:
            room, trace = await ward.streams.open(101, spec("s"), Link())
            feed_breathing(ward, room, trace, 40)
            shown = broadcast.Broadcast(ward, Site("Lab", "UTC", open_access=True), None, interval_s=0.2)
            quick, slow, late = object(), object(), object()
            shown.join(quick)  # type: ignore[arg-type]
            shown.join(slow)  # type: ignore[arg-type]
            for tick in range(40):
                feed_breathing(ward, room, trace, 0.2)
                clock.now += 0.2
                stalled = 10 <= tick < 25
                shown.members[slow].wire.reads = shown.members[slow].wire.is_clear = not stalled  # type: ignore
                if tick == 30:
                    feed_breathing(ward, room, trace, 0.08)
                    shown.join(late)  # type: ignore[arg-type]
                shown.tick(clock.now)
            for connection, snapshots in ((quick, 1), (slow, 2), (late, 1)):
                received = shown.members[connection].wire.received  # type: ignore[index]
                continuity = Continuity()
                for push in received:
                    continuity.take(push)
                assert dict(+continuity.faults) == {}
                assert sum(push["kind"] == "snapshot" for push in received) == snapshots
                wave = received[-1]["waves"][0]
                assert wave[2] + len(unpack(wave[4])) == trace.detected_next
            assert shown.catch_ups == 1
            member = shown.members[slow]  # type: ignore[index]
            member.wire.reads = member.wire.is_clear = False
            monkeypatch.setattr(broadcast, "STUCK_S", -1.0)
            for _ in range(3):
                clock.now += 0.2
                shown.tick(clock.now)
            assert member.wire.dropped

    asyncio.run(story())


def test_new_samples_do_not_wait_for_the_next_interval(tmp_path: Path) -> None:
    """A push is due at every interval, and sooner for samples; those come no more often than that however fast."""

    async def story() -> None:
        clock = Clock()
        async with open_ward(tmp_path, clock) as ward:
            room, trace = await ward.streams.open(101, spec("s"), Link())
            shown = broadcast.Broadcast(ward, Site("Lab", "UTC", open_access=True), 101, interval_s=0.1)
            pushes, with_samples = [], []
            for step in range(300):
                clock.now += 0.02
                slow = step < 100 and step % 10 == 3
                fast = step >= 200
                if slow or fast:
                    feed_breathing(ward, room, trace, 0.2 if slow else 0.04)
                if shown.is_due(clock.now, 0.01):
                    shown.tick(clock.now)
                    pushes.append(step)
                    if shown.sample_age_s is not None:
                        with_samples.append(step)
            assert with_samples[:10] == list(range(3, 100, 10)), "each frame of a device goes on in the same step"
            assert all(1 <= b - a <= 5 for a, b in pairwise(pushes)), "never longer than an interval"
            assert len([step for step in pushes if 100 <= step < 200]) == 20, "without samples a heartbeat"
            fast_ones = [step for step in with_samples if step >= 200]
            assert {b - a for a, b in pairwise(fast_ones)} == {5}, "no more often than that"

    asyncio.run(story())


def test_after_a_push_that_failed_everybody_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half-way through nobody knows who has what: what the failed push said comes with a snapshot, to all."""
    monkeypatch.setattr(wire, "Wire", SlowWire)

    async def story() -> None:
        async with open_ward(tmp_path) as ward:
            room, trace = await ward.streams.open(101, spec("s"), Link())
            feed_breathing(ward, room, trace, 40)
            ticking = Broadcaster(ward, Site("Lab", "UTC", open_access=True), interval_ms=50)
            shown, first, second = ticking._of(None), object(), object()
            shown.join(first)  # type: ignore[arg-type]
            shown.join(second)  # type: ignore[arg-type]
            ticking._step()
            encode = wire.message
            monkeypatch.setattr(wire, "message", lambda *_: 1 / 0)
            feed_breathing(ward, room, trace, 0.2)
            await asyncio.sleep(0.06)
            ticking._step()
            monkeypatch.setattr(wire, "message", encode)
            await asyncio.sleep(0.06)
            ticking._step()
            for member in shown.members.values():
                received = member.wire.received  # type: ignore[attr-defined]
                continuity = Continuity()
                for push in received:
                    continuity.take(push)
                assert dict(+continuity.faults) == {}
                assert received[-1]["kind"] == "snapshot"
                wave = received[-1]["waves"][0]
                assert wave[2] + len(unpack(wave[4])) == trace.detected_next

    asyncio.run(story())


@pytest.mark.holds("F32.1")
def test_f32_a_ticker_that_stopped_is_unhealthy(tmp_path: Path) -> None:
    """F32: healthy only while push works too."""

    async def story() -> None:
        async with open_ward(tmp_path) as ward:
            ticking = Broadcaster(ward, Site("Lab", "UTC", open_access=True), interval_ms=50)
            ticking.start()
            await asyncio.sleep(0.3)
            assert ticking.figures()["tick_age_s"] < 0.25
            ticking.stop()
            await asyncio.sleep(0.3)
            assert ticking.figures()["tick_age_s"] > 0.25

    asyncio.run(story())


def test_the_wire_is_checked_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Private names live in one place with a check; what differs is said, and the plain way serves."""

    async def story() -> None:
        wire.check()
        with monkeypatch.context() as other_bokeh:
            other_bokeh.setattr(wire, "content", lambda *_: '{"events": []}')
            with pytest.raises(wire.WireError, match="Bokeh now writes"):
                wire.check()
        with monkeypatch.context() as other_tornado:
            other_tornado.setattr(wire.Lock, "__init__", lambda _self: None)
            with pytest.raises(wire.WireError, match="Lock"):
                wire.check()
        monkeypatch.setattr(wire, "connections", lambda _session: [])
        with pytest.raises(wire.WireError, match="another way"):
            wire.check()

    asyncio.run(story())


class Session:
    """A session of Bokeh's as far as the broadcaster looks at it."""

    def __init__(self) -> None:
        self.connections = [object()]
        self.connection_count = 1
        self.destroyed = False
        self.session = self


def test_who_never_says_that_it_is_ready_is_joined_at_the_second_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has not read the document yet would miss its snapshot; whoever says that it is ready gets one anyway."""
    monkeypatch.setattr(wire, "Wire", SlowWire)
    monkeypatch.setattr(wire, "connections", lambda session: session.connections)

    async def story() -> None:
        async with open_ward(tmp_path) as ward:
            ticking = Broadcaster(ward, Site("Lab", "UTC", open_access=True), interval_ms=50)
            page = Session()
            ticking._pages.append((page, None))  # type: ignore[arg-type]
            ticking._look_after()
            assert ticking.members == 0
            ticking._look_after()
            assert ticking.members == 1
            ticking._step()
            ticking._of(None).join(page.connections[0])  # type: ignore[arg-type]
            (member,) = ticking._of(None).members.values()
            assert [push["kind"] for push in member.wire.received] == ["snapshot"]  # type: ignore[attr-defined]
            page.destroyed = True
            ticking._look_after()
            assert ticking._pages == []

    asyncio.run(story())


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 70_000])
def test_frames_of_every_length(length: int) -> None:
    """RFC 6455, 5.2: the three forms of a payload's length."""
    framed = wire.frame("x" * length)
    short = framed[1]
    assert framed[0] == 0x81
    given = {126: framed[2:4], 127: framed[2:10]}.get(short, framed[1:2])
    assert int.from_bytes(given) == length
    assert framed.endswith(b"x" * length)
