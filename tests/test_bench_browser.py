"""The bench of the pages in Chromium: that it runs and says each figure; tiny numbers, so none of them counts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.browser import bounds
from tests.app.live_server import ROOT


@pytest.mark.ui
@pytest.mark.parametrize("page", ["wall", "room"])
def test_bench_browser_measures_a_page(page: str) -> None:
    options = ["--page", page, "--rooms", "2", "--seconds", "2", "--opens", "1"]
    lines = bench("browser", *options, "--viewport", "1366x768").splitlines()
    said = {line[:42].strip(): line[42:].strip() for line in lines if line[:2] == "  "}
    assert 0 < number(said["main thread"]) < 100
    assert 0 < number(said["its own processor time"]) < 100
    assert 0 < number(said["skeleton, after the navigation"]) <= number(said["live, after the navigation"])
    assert 1 < number(said["pushed until live"]) < 200
    assert number(said["our painting"]) >= 5
    assert 1 < number(said["heap"]) < 50


def bench(*arguments: str) -> str:
    """What a bench prints; in a process of its own, since it has a Playwright of its own."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert run.returncode in (0, 1), run.stderr  # this machine may be busy
    return run.stdout


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
def test_bench_command_sees_a_pressure_on_the_other_screen() -> None:
    said = " ".join(bench("command", "--commands", "3", "--rooms", "1").split())
    for word in ("on the other screen after", "p99", "HTTP requests of both pages 0, required at most 0: met"):
        assert word in said
