"""The benchmarks run, against a real server; tiny loads, so no figure counts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

import pytest
from bokeh.client import pull_session

from benchmarks import __main__ as bench
from benchmarks import backup, churn, devices, initial, joins, memory, push, review, sessions, start
from benchmarks.bokeh_client import PageClient
from benchmarks.process import Process, Server

ROOM = devices.FIRST_ROOM
TINY = ("--rooms", "2", "--settle", "0.2")
CLEAN = "gaps 0, doubles 0, wrong 0, pulses 0, orphans 0"


def within(seconds: float, work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, seconds))


@pytest.fixture(scope="module")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with three rooms that stream."""
    with (
        Server(tmp_path_factory.mktemp("data")) as server,
        Process([sys.executable, "-P", "-m", "benchmarks.devices", server.url, "--rooms", "3"]),
    ):
        yield server


@pytest.mark.parametrize("path", ["/wall", f"/room?room={ROOM}"])
@pytest.mark.parametrize("announce", [True, False], ids=["browser", "silent client"])
def test_whoever_opens_a_page_gets_every_sample(streaming: Server, path: str, announce: bool) -> None:
    async def watch() -> None:
        page = PageClient(streaming.url, path, expected=devices.shown_on(path.partition("?")[0]), announce=announce)
        await page.join()
        page.measuring = True
        await page.heard(5)
        page.leave()
        assert not +page.continuity.faults
        assert page.continuity.rooms == (3 if path == "/wall" else 1)
        assert -0.05 < min(page.latencies_s) < 2.0

    within(30, watch())


def test_a_page_that_is_no_page_is_told(streaming: Server) -> None:
    with pytest.raises(ConnectionError, match="no page"):
        within(10, PageClient(streaming.url, "/liveness").join())


def test_bokehs_own_client_gets_pushes(streaming: Server) -> None:
    session = pull_session(url=f"{streaming.url}/wall")
    try:
        source = session.document.get_model_by_name("breathwatch-live")
        pulses: list[int] = []
        source.on_change("data", lambda _attr, _old, new: pulses.append(new["pulse"][0]))
        # Asking for a round trip throws away what comes before its answer, so the client's own loop has to run.
        session._connection._loop_until(lambda: len(pulses) >= 5)
        assert pulses == list(range(pulses[0], pulses[0] + 5))
    finally:
        session.close()


def test_bench_push_finds_nothing_lost(capsys: pytest.CaptureFixture[str]) -> None:
    push.main([*TINY, "--browsers", "2", "--seconds", "1.5"])
    said = capsys.readouterr().out
    for word in ("p99", CLEAN, "times the CPU of bare, framed once", "times below the plain way"):
        assert word in said


def test_bench_push_mixes_walls_and_rooms_of_fast_devices(capsys: pytest.CaptureFixture[str]) -> None:
    push.main([*TINY, "--browsers", "1", "--rooms-pages", "2", "--rate", "100", "--seconds", "1"])
    assert CLEAN in capsys.readouterr().out


def test_bench_push_finds_the_most_walls(capsys: pytest.CaptureFixture[str]) -> None:
    push.main([*TINY, "--find-most", "--step", "2", "--most", "4", "--seconds", "0.5"])
    said = capsys.readouterr().out
    for word in ("2 walls", "most walls with p99", CLEAN):
        assert word in said


def test_bench_churn_follows_pages_that_stall_and_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ["--browsers", "5", "--rooms-pages", "1", "--stalling", "1", "--reconnecting", "2", "--minutes", "0.1"]
    churn.main([*TINY, *tiny])
    said = capsys.readouterr().out
    for word in ("live again", "pages without pushes at the end", CLEAN):
        assert word in said


def test_bench_joins_goes_through_a_restart(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ["--browsers", "13", "--rooms-pages", "2", "--within", "0.5", "--alone", "2"]
    joins.main([*TINY, *tiny, "--discarded", "1", "--quiet-minutes", "0.02"])
    said = capsys.readouterr().out
    for word in ("CPU of joining, room page", "burst, last live", "10 left at once", "in quiet: longest pause", CLEAN):
        assert word in said


def test_bench_sessions_counts_pages_that_ended_in_each_way(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ["--sessions", "12", "--reference", "6", "--discarded", "1"]
    assert sessions.main([*TINY, *tiny]) == 0
    said = capsys.readouterr().out
    for word in ("goodbye 4, killed 4, stalled 4", "still counts", "after 12 sessions"):
        assert word in said


def test_bench_initial_weighs_a_page_that_joins(capsys: pytest.CaptureFixture[str]) -> None:
    initial.main(["--settle", "0.2", "--sizes", "2", "--repeat", "1"])
    said = capsys.readouterr().out
    for word in ("wall of 2 rooms", "kB until live", "fetch of the page, first push", CLEAN):
        assert word in said


def test_bench_memory_keeps_within_its_bound(capsys: pytest.CaptureFixture[str]) -> None:
    assert memory.main(["--rooms", "2", "--minutes", "4", "--warm-up", "1", "--browsers", "1"]) == 0
    assert "0 missing" in capsys.readouterr().out


def test_bench_start_says_where_the_time_goes(capsys: pytest.CaptureFixture[str]) -> None:
    assert start.main(["--rooms", "2", "--hours", "0.1", "--repeat", "0"]) == 0
    said = capsys.readouterr().out
    for word in ("imports", "bokeh", "rebuild the stays"):
        assert word in said


def test_bench_backup_copies_while_devices_stream(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "SETTLE_S", 1.0)
    monkeypatch.setattr(backup, "QUIET_S", 1.0)
    assert backup.main(["--gb", "0.02", "--rooms", "2"]) == 0
    said = capsys.readouterr().out
    for word in ("backup, checked and on disk", "acknowledgements during the backup", "a bare copy of the same size"):
        assert word in said


def test_bench_review_opens_and_zooms(capsys: pytest.CaptureFixture[str]) -> None:
    assert review.main(["--hours", "0.2", "--opens", "1", "--no-browser"]) == 0
    said = capsys.readouterr().out
    for word in ("opening it", "the slowest zoom", "the whole night as CSV"):
        assert word in said


def test_benches_are_listed_and_an_unknown_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main([]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in bench.BENCHES)
    assert bench.main(["nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err
