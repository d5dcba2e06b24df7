"""The retention's task: what goes, when nothing may go, and that devices do not notice."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from monitor_app import config, retention
from monitor_app.retention import DAY_S, ClockWatch, Retention
from store import RecordingRow, Store
from tests.app.live_server import LiveServer, wait_for
from tests.app.ward_helpers import Clock

PER_ROW = 250
YEAR_S = 365 * DAY_S


def fill(store: Store, clock: Clock, days: int, stream_id: str = "s", rows_per_day: int = 24) -> RecordingRow:
    """A recording that ran for so many days up to now; a few rows of 10 s stand for each."""
    stay = next(iter(store.open_stays()), None) or store.begin_stay(101, None, 0.0).result(5)
    recording = store.begin_recording(stay.id, stream_id, "", 25.0, [], 0.0).result(5)
    flow = np.arange(PER_ROW, dtype=np.float32)
    n_rows = days * rows_per_day
    for row in range(n_rows):
        at = clock() - (n_rows - 1 - row) * DAY_S / rows_per_day
        store.append_samples(recording.id, row * PER_ROW, flow, None, at)
    store.set_meta("all", "written").result(20)
    return recording


def kept_days(store: Store, recording: RecordingRow, clock: Clock) -> float:
    """Age of the oldest stored samples."""
    return (clock() - next(store.segments(recording.id)).received_at) / DAY_S


def in_store(folder: Path, story: Callable[[Store, Clock], Awaitable[None]]) -> None:
    """Run a story with a store and a clock."""

    async def run() -> None:
        with Store(folder / "ward.sqlite", gather_s=0.002) as store:
            await story(store, Clock())

    asyncio.run(run())


def test_samples_older_than_the_retention_go(tmp_path: Path) -> None:
    """Retention: of all recordings, up to the day that is set and no further; a second look finds nothing."""

    async def story(store: Store, clock: Clock) -> None:
        first, second = fill(store, clock, 30), fill(store, clock, 10, "t")
        keeper = Retention(store, 7.0, clock=clock, monotonic=clock.monotonic)
        assert await keeper.once()
        for recording in (first, second):
            assert 6.9 < kept_days(store, recording, clock) <= 7.0
        assert store.space()["trimmed_at"] == clock()
        trimmed = store.space()["trimmed_samples"]
        assert await keeper.once()
        assert store.space()["trimmed_samples"] == trimmed == (23 + 3) * 24 * PER_ROW - 2 * PER_ROW

    in_store(tmp_path, story)


def test_a_clock_set_a_year_ahead_removes_nothing(tmp_path: Path) -> None:
    """Retention: neither while the server runs nor after its restart, until the clock has been steady for a day."""

    async def story(store: Store, clock: Clock) -> None:
        recording = fill(store, clock, 20)
        keeper = Retention(store, 7.0, clock=clock, monotonic=clock.monotonic)
        await keeper.once()
        clock.step(YEAR_S)
        for _ in range(23):
            clock.now += 3600
            store.append_samples(recording.id, 10**6, [1.0], None, clock()).result(5)
            await keeper.once()
            assert len(list(store.segments(recording.id))) >= 7 * 24
            assert store.space()["is_held"]
        clock.step(-YEAR_S)
        clock.now += 3600
        await keeper.once()
        assert store.space()["is_held"], "setting it right is setting it, too"
        clock.now += DAY_S
        await keeper.once()
        assert not store.space()["is_held"]

        clock.step(YEAR_S)
        restarted = Retention(store, 7.0, clock=clock, monotonic=clock.monotonic)
        await restarted.once()
        assert store.space()["is_held"]
        assert len(list(store.segments(recording.id))) > 5 * 24

    in_store(tmp_path, story)


def test_a_ward_that_was_off_for_long_waits_a_day(tmp_path: Path) -> None:
    """Retention: after the holidays what was recorded before them is counted from the newest sample, and goes later."""

    async def story(store: Store, clock: Clock) -> None:
        recording = fill(store, clock, 20)
        clock.now += 60 * DAY_S
        keeper = Retention(store, 7.0, clock=clock, monotonic=clock.monotonic)
        await keeper.once()
        assert store.space()["trimmed_samples"] == 0
        clock.now += 1.01 * DAY_S
        await keeper.once()
        assert len(list(store.segments(recording.id))) == 7 * 24 + 1, (
            "no device has sent since: the newest sample counts"
        )
        store.append_samples(recording.id, 10**7, [1.0], None, clock()).result(5)
        await keeper.once()
        assert len(list(store.segments(recording.id))) == 1

    in_store(tmp_path, story)


def test_a_store_with_worries_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retention: while the disk refuses, nothing is added to its queue."""

    async def story(store: Store, clock: Clock) -> None:
        fill(store, clock, 20)
        monkeypatch.setattr(store, "health", lambda: {"ok": False})
        keeper = Retention(store, 7.0, clock=clock, monotonic=clock.monotonic)
        assert not await keeper.once()
        assert store.space()["trimmed_samples"] == 0

    in_store(tmp_path, story)


def test_a_file_that_is_mostly_free_shrinks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retention: where the lab keeps less than before the disk gets the rest back; else pages are used again."""
    monkeypatch.setattr(retention, "LEAST_FREE_BYTES", 1 << 16)

    async def story(store: Store, clock: Clock) -> None:
        fill(store, clock, 60)
        full = store.space()["file_bytes"]
        await Retention(store, 50.0, clock=clock, monotonic=clock.monotonic).once()
        assert store.space()["file_bytes"] == pytest.approx(full, rel=0.02)
        await Retention(store, 10.0, clock=clock, monotonic=clock.monotonic).once()
        space = store.space()
        assert space["file_bytes"] < full / 3
        assert space["free_bytes"] < space["file_bytes"] / 4

    in_store(tmp_path, story)


def test_zero_keeps_everything_and_nonsense_is_refused() -> None:
    """Retention: the default removes nothing; a number too small to be meant is refused."""
    assert config.load({}).retention_days == 0
    assert config.load({"MONITOR_RETENTION_DAYS": "1.5"}).retention_days == 1.5
    for value, message in (
        ("0.001", "is 0.001; it must be 0 (off) or lie between 0.042 and 36500"),
        ("nan", "is nan; it must be 0"),
        ("-1", "is -1; it must be 0"),
        ("a month", "is 'a month', which is no number"),
    ):
        with pytest.raises(config.ConfigError, match=re.escape(f"MONITOR_RETENTION_DAYS {message}")):
            config.load({"MONITOR_RETENTION_DAYS": value})


def test_the_server_removes_at_its_start_and_says_so(tmp_path: Path) -> None:
    """Retention: `./monitor serve` with MONITOR_RETENTION_DAYS; `/metrics` tells what went and the file's size."""
    data = tmp_path / "data"
    clock = Clock()
    clock.now = time.time()
    with Store(data / "breathwatch.sqlite") as store:
        fill(store, clock, 10)
    with LiveServer(data, MONITOR_RETENTION_DAYS="2") as server:

        def figures() -> dict[str, float]:
            lines = [line.split() for line in server.get("/metrics")[1].decode().splitlines() if line[0] != "#"]
            return {name: float(value) for name, value in lines}

        wait_for(lambda: figures()["breathwatch_retention_trimmed_at_seconds"] > 0, 20, "the first run")
        assert figures()["breathwatch_retention_trimmed_samples_total"] == (8 * 24 - 1) * PER_ROW
        assert figures()["breathwatch_store_file_bytes"] > 4096
        assert figures()["breathwatch_retention_held"] == 0
        assert server.rooms()[101]["samples_received"] == 10 * 24 * PER_ROW
        assert "removed 47750 samples older than 2 days" in server.log


@pytest.mark.parametrize("monotonic_s", [0.1, 1234.567891, 98765.4321, 3.3e7 / 7])
def test_a_clock_that_agrees_is_trusted_at_once(monotonic_s: float) -> None:
    """Retention: to the last bit, at whatever reading of the other clock."""
    watch = ClockWatch(1.8e9, monotonic_s, 1.8e9 - 3.3)
    assert watch.left_s(1.8e9, monotonic_s) == 0
    assert ClockWatch(1.8e9, monotonic_s, 1.9e9).left_s(1.8e9, monotonic_s) == pytest.approx(DAY_S)
