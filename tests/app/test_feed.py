"""What is pushed: every sample once, only what changed, and a heartbeat when nothing is new."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cpap_core import RespirationDetector
from cpap_core.types import Samples
from monitor_app.push import LiveFeed
from monitor_app.push.feed import Site
from monitor_app.push.packing import unpack
from monitor_app.ward import Ward
from tests.app.raw_device import breathing
from tests.app.ward_helpers import Clock, Link, feed_breathing, open_ward, spec

SITE = Site("Lab", "UTC", open_access=True)


def run(folder: Path, story: Any) -> None:
    """Run a story in a ward of its own."""

    async def body() -> None:
        clock = Clock()
        async with open_ward(folder, clock) as ward:
            await story(ward, clock)

    asyncio.run(body())


def one(push: dict[str, list[Any]], column: str) -> Any:
    """The value of a column of length one; waves with their samples as integers."""
    (value,) = push[column]
    return [[*wave[:4], unpack(wave[4]), unpack(wave[5])] for wave in value] if column == "waves" else value


def test_every_sample_is_pushed_once_in_any_rhythm(tmp_path: Path) -> None:
    """No gap and no double between a snapshot and the deltas after it, however samples and pushes interleave."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 5)
        feed, received = LiveFeed(ward, SITE, room=101), []
        random = np.random.default_rng(1)
        push = feed.snapshot()
        for _ in range(200):
            for wave in one(push, "waves"):
                assert wave[0] == 101
                assert wave[2] == len(received)
                assert len(wave[4]) == len(wave[5])
                received += wave[4]
            for _ in range(int(random.integers(0, 3))):
                n = int(random.integers(1, 20))
                values = breathing(n, 25, trace.detected_next)
                ward.streams.feed(room, trace, trace.detected_next, values[:, 0].copy(), values[:, 1].copy())
            clock.now += 0.2
            push = feed.delta()
        sent = np.rint(breathing(len(received))[:, 0] * 10).astype(int)
        np.testing.assert_array_equal(received, sent)
        assert len(received) > 1000

    run(tmp_path, story)


def test_a_gap_is_null(tmp_path: Path) -> None:
    """A gap is drawn as a gap, never as a line or as zero."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 2)
        ones = np.ones(10, np.float32)
        ward.streams.feed(room, trace, 60, ones, ones)
        (wave,) = one(LiveFeed(ward, SITE).snapshot(), "waves")
        assert wave[4][50:60] == [None] * 10
        assert wave[4][60:] == [10] * 10
        assert wave[5] == []

    run(tmp_path, story)


@pytest.mark.parametrize(("rate", "stride"), [(200, 8), (100, 4), (50, 2), (30, 2), (25, 1), (10, 1)])
def test_the_wall_draws_at_most_25_hz(tmp_path: Path, rate: int, stride: int) -> None:
    """Fast devices are averaged in whole blocks that do not depend on when the push was."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s", rate), Link())
        feed = LiveFeed(ward, SITE)
        push, drawn = feed.snapshot(), []
        for n in (1, 7, rate, 3, rate * 3, 5):
            values = breathing(n, rate, trace.detected_next)
            ward.streams.feed(room, trace, trace.detected_next, values[:, 0].copy(), values[:, 1].copy())
            clock.now += 1
            push = feed.delta()
            for wave in one(push, "waves"):
                assert wave[2] == len(drawn)
                drawn += wave[4]
        whole = trace.detected_next // stride
        blocks = breathing(whole * stride, rate)[:, 0].reshape(-1, stride).astype(np.float64).mean(axis=1)
        np.testing.assert_allclose(drawn, blocks * 10, atol=0.51)

    run(tmp_path, story)


def test_only_what_changed_is_pushed(tmp_path: Path) -> None:
    """A number that did not change is not sent again; a heartbeat carries no freshness it does not have."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 40)
        feed = LiveFeed(ward, SITE)
        first = feed.snapshot()
        assert one(first, "kind") == "snapshot"
        assert one(first, "newest_sample_time") == clock.now
        assert one(first, "site") == SITE.as_dict()
        (state,) = one(first, "rooms")
        assert {"mrn", "state", "total_apnea_count", "conditions", "trace_epoch", "display_rate_hz"} <= state.keys()
        assert not {"events", "breaths", "minute_ventilation_lpm"} & state.keys(), "no tile shows them"
        clock.now += 0.2
        heartbeat = feed.delta()
        assert one(heartbeat, "server_time") == clock.now
        assert (one(heartbeat, "waves"), one(heartbeat, "rooms")) == ([], [])
        assert one(heartbeat, "newest_sample_time") is None
        clock.now += 3
        (stale,) = one(feed.delta(), "rooms")
        assert stale["state"] == "stale"
        assert "mrn" not in stale

    run(tmp_path, story)


@pytest.mark.holds("F16.1", "F24.1")
def test_f24_a_room_appears_in_the_next_push(tmp_path: Path) -> None:
    """F24: a new room, whole, to those who were there before it."""

    async def story(ward: Ward, clock: Clock) -> None:
        feed = LiveFeed(ward, SITE)
        assert one(feed.snapshot(), "rooms") == []
        room, trace = await ward.streams.open(102, spec("s"), Link())
        feed_breathing(ward, room, trace, 1)
        clock.now += 0.2
        push = feed.delta()
        assert [state["room"] for state in one(push, "rooms")] == [102]
        assert [wave[0] for wave in one(push, "waves")] == [102]

    run(tmp_path, story)


def test_a_new_recording_is_a_new_trace(tmp_path: Path) -> None:
    """The page clears its trace by the epoch: nothing of one recording is drawn into another."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("a"), Link())
        feed_breathing(ward, room, trace, 10)
        feed = LiveFeed(ward, SITE)
        feed.snapshot()
        clock.now += 6
        room, trace = await ward.streams.open(101, spec("b"), Link())
        feed_breathing(ward, room, trace, 1)
        push = feed.delta()
        (state,), (wave,) = one(push, "rooms"), one(push, "waves")
        assert state["trace_epoch"] == wave[1] == trace.epoch
        assert wave[2] == 0

    run(tmp_path, story)


def test_a_reader_that_fell_behind_gets_one_window(tmp_path: Path) -> None:
    """Never a backlog: after an hour away the newest 30 s come, with their true index."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed = LiveFeed(ward, SITE)
        feed.snapshot()
        feed_breathing(ward, room, trace, 3600)
        clock.now += 1
        (wave,) = one(feed.delta(), "waves")
        assert (wave[2], len(wave[4])) == (90_000 - 750, 750)

    run(tmp_path, story)


@pytest.mark.parametrize("part", ["view", "wave", "detail", "count"])
def test_a_room_that_cannot_be_shown_is_faulted_alone(
    tmp_path: Path, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever fails on the way from a room to the pages: it says so, nothing of it looks live, the others go on."""

    async def story(ward: Ward, clock: Clock) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError

        ill, ill_trace = await ward.streams.open(101, spec("a"), Link())
        well, well_trace = await ward.streams.open(102, spec("b"), Link())
        feeds = [LiveFeed(ward, SITE), LiveFeed(ward, SITE, room=101)]
        feed_breathing(ward, ill, ill_trace, 40)
        feed_breathing(ward, well, well_trace, 40)
        for feed in feeds:
            feed.snapshot()
        broken = {"view": (ill.watch, "current"), "wave": (ill_trace.ring, "since"), "detail": (ill._detail, "of")}
        setattr(*broken.get(part, (ill_trace, "apneas_since")), fail)
        shown: list[dict[int, dict[str, Any]]] = [{}, {}]
        for _ in range(3):
            for room, trace in ((ill, ill_trace), (well, well_trace)):
                feed_breathing(ward, room, trace, 0.2)
            clock.now += 0.2
            for seen, push in zip(shown, [feed.delta() for feed in feeds], strict=True):
                for state in one(push, "rooms"):
                    seen.setdefault(state["room"], {}).update(state)
        assert [wave[0] for wave in one(push, "waves")] == ([101] if part != "wave" else [])
        for seen in shown:
            assert seen[101]["state"] == "faulted"
            assert [c["kind"] for c in seen[101]["conditions"]] == ["faulted"]
            assert seen[101].get("respiratory_rate_per_min") is None
        assert shown[0].get(102, {}).get("state", "live") == "live"
        assert {row["room"]: row["state"] for row in await ward.summaries()} == {101: "faulted", 102: "live"}
        assert ward.healthy()["faulted_rooms"] == [101]
        assert caplog.text.count("cannot be shown") == 1
        assert await ward.streams.stored(ill_trace) == ill_trace.detected_next

    run(tmp_path, story)


@pytest.mark.holds("F40.1")
def test_the_detector_runs_once_however_many_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F40: twenty walls and twenty room pages read what one detector found; each sample went through it once."""
    seen: list[int] = []
    update = RespirationDetector.update

    def counted(self: RespirationDetector, flow: Samples, *rest: Any) -> Any:
        seen.append(len(flow))
        return update(self, flow, *rest)

    async def story(ward: Ward, _clock: Clock) -> None:
        monkeypatch.setattr(RespirationDetector, "update", counted)
        room, trace = await ward.streams.open(101, spec("s1"), None)
        feeds = [LiveFeed(ward, SITE) for _ in range(20)] + [LiveFeed(ward, SITE, 101) for _ in range(20)]
        for _ in range(10):
            feed_breathing(ward, room, trace, 1)
            for feed in feeds:
                feed.delta()
        assert sum(seen) == trace.detected_next

    run(tmp_path, story)
