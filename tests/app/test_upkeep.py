"""Months: garbage goes when it disturbs nobody, and what holds up the event loop is known."""

from __future__ import annotations

import asyncio
import gc
import resource
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator

import pytest

from monitor_app.upkeep import Garbage, Longest, LoopWatch, garbage, longest


class Cycle:
    """Garbage that only a collection finds."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def tamed() -> Iterator[Garbage]:
    """A collector that is left to Python again after the test."""

    async def tame() -> Garbage:
        mine = Garbage()
        mine.tame()
        return mine

    mine = asyncio.run(tame())
    yield mine
    mine.release()


def test_a_session_that_ends_only_wishes_for_a_collection(tamed: Garbage) -> None:
    """Bokeh asks with each session that it discards; nobody waits for that."""
    left = weakref.ref(Cycle())
    gc.collect()
    gc.collect()
    assert left() is not None
    assert tamed.wishes == 2


def test_young_garbage_goes_at_every_look_and_old_at_many_wishes(
    tamed: Garbage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What outlived the young collections goes with the whole one that enough leavers are worth, in a quiet moment."""
    old_cycle = Cycle()
    old = weakref.ref(old_cycle)
    for _ in range(3):
        tamed._look()
    del old_cycle
    young = weakref.ref(Cycle())
    tamed._look()
    assert young() is None
    assert old() is not None
    for _ in range(garbage.MANY_WISHES):
        gc.collect()
    tamed._look()
    assert old() is not None, "pages close at this moment: not yet"
    monkeypatch.setattr(garbage, "QUIET_S", 0.0)
    tamed._look()
    assert old() is None
    assert tamed.wishes == 0
    assert tamed.figures()["collections"] >= 4


def test_pages_that_come_and_go_without_a_pause_do_not_put_it_off(tamed: Garbage) -> None:
    """Where it is never quiet, garbage must not gather for ever either."""
    for _ in range(2 * garbage.MANY_WISHES):
        gc.collect()
    tamed._look()
    assert tamed.wishes == 0


def test_one_wish_does_not_wait_for_ever(tamed: Garbage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single page that closed is collected too, within ten minutes."""
    monkeypatch.setattr(garbage, "QUIET_S", 0.0)
    gc.collect()
    tamed._look()
    assert tamed.wishes == 1
    monkeypatch.setattr(garbage, "LONGEST_S", 0.0)
    tamed._look()
    assert tamed.wishes == 0


def test_it_is_python_s_own_again_afterwards() -> None:
    """A server that stopped leaves the process as it was."""
    before = gc.collect, gc.get_threshold(), len(gc.callbacks)

    async def live() -> None:
        mine = Garbage()
        mine.tame()
        assert gc.collect is not before[0]
        mine.release()

    asyncio.run(live())
    assert (gc.collect, gc.get_threshold(), len(gc.callbacks)) == before


def test_a_blocked_event_loop_is_noticed() -> None:
    """Whatever holds it up is told to whoever watches the server."""

    async def story() -> float:
        watch = LoopWatch()
        watch.start()
        await asyncio.sleep(0.05)
        time.sleep(0.3)  # noqa: ASYNC251
        await asyncio.sleep(0.05)
        watch.stop()
        return watch.pauses.recent_s

    assert 0.25 < asyncio.run(story()) < 5.0


def test_the_longest_of_the_last_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old pause is forgotten after ten minutes, but not for the whole time."""
    now = [1000.0]
    monkeypatch.setattr(longest.time, "monotonic", lambda: now[0])
    mine = Longest()
    mine.note(0.5)
    now[0] += 9 * 60
    mine.note(0.1)
    assert (mine.recent_s, mine.ever_s) == (0.5, 0.5)
    now[0] += 2 * 60
    assert mine.recent_s == 0.1
    now[0] += 86_400
    assert (mine.recent_s, mine.ever_s) == (0.0, 0.5)


def test_a_low_limit_of_open_files_is_raised() -> None:
    """1000 browsers need more than the 1024 files that many systems allow by default."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    program = (
        "import resource; from monitor_app.upkeep import allow_many_connections\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard})); allow_many_connections()\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert int(told) == min(hard, 20_000) or hard == resource.RLIM_INFINITY
