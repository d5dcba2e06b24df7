"""The bench of the pages in Chromium: that it runs and says each figure; tiny numbers, so none of them counts."""

from __future__ import annotations

import pytest

from benchmarks import browser, command
from benchmarks.browser import bounds


@pytest.mark.ui
@pytest.mark.parametrize("page", ["wall", "room"])
def test_bench_browser_measures_a_page(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--page", page, "--rooms", "2", "--seconds", "2", "--opens", "1"]
    assert browser.main([*options, "--viewport", "1366x768"]) in (0, 1)  # this machine may be busy
    said = {line[:42].strip(): line[42:].strip() for line in capsys.readouterr().out.splitlines() if line[:2] == "  "}
    assert 0 < number(said["main thread"]) < 100
    assert 0 < number(said["its own processor time"]) < 100
    assert 0 < number(said["skeleton, after the navigation"]) <= number(said["live, after the navigation"])
    assert 1 < number(said["pushed until live"]) < 200
    assert number(said["our painting"]) >= 5
    assert 1 < number(said["heap"]) < 50


def number(text: str) -> float:
    """The first word."""
    return float(text.split()[0])


def test_the_walls_bounds_are_the_requirements() -> None:
    """Issue, "Done when": of 16 rooms under 8 % and 40 kB, of 64 under 12 % and 130 kB, a room page under 15 %."""
    small, large, room = bounds("wall", 16), bounds("wall", 64), bounds("room", 4)
    assert (small.main_thread, small.initial_kb, large.main_thread, large.initial_kb) == (0.08, 40, 0.12, 130)
    assert (small.skeleton_ms, small.live_ms) == (large.skeleton_ms, large.live_ms) == (400, 1000)
    assert (room.main_thread, room.live_ms) == (0.15, None)


@pytest.mark.ui
def test_bench_command_sees_a_pressure_on_the_other_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--commands", "3", "--rooms", "1"]) in (0, 1)  # this machine may be busy
    said = " ".join(capsys.readouterr().out.split())
    for word in ("on the other screen after", "p99", "HTTP requests of both pages 0, required at most 0: met"):
        assert word in said
