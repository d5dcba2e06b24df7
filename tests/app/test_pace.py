"""Telling what a device kept from what it measures now, by when its samples came (F50)."""

from __future__ import annotations

import pytest

from monitor_app.ward.pace import Pace, end_of_stay, lead_s

RATE = 25.0


def judged_after(frames: list[tuple[float, float]]) -> int | None:
    """Number of frames (wait before it and length, in s) after which a stream is live; None where it is not."""
    pace, now = Pace(RATE), 0.0
    for number, (wait_s, frame_s) in enumerate(frames, 1):
        now += wait_s
        if pace.is_slow(round(frame_s * RATE), now):
            return number
    return None


@pytest.mark.parametrize(
    ("frames", "most"),
    [
        ([(0.2, 0.2)] * 100, 60),
        ([(1.0, 1.0)] * 20, 13),
        ([(40.0, 40.0), (45.0, 45.0), (35.0, 35.0)] * 3, 6),
        # Wi-Fi that delivers five frames at once.
        (([(2.5, 0.5)] + [(0.0, 0.5)] * 4) * 10, 35),
        # Each 8 s the connection breaks for 2 s.
        (([(3.0, 1.0)] + [(1.0, 1.0)] * 7) * 4, 16),
        # It had kept an hour, and is live by now.
        ([(0.0, 360.0)] * 10 + [(1.0, 1.0)] * 60, 40),
    ],
)
def test_a_stream_that_comes_as_it_is_measured_is_live(frames: list[tuple[float, float]], most: int) -> None:
    found = judged_after(frames)
    assert found is not None
    assert found <= most


@pytest.mark.parametrize(
    "frames",
    [
        [(0.1, 1.0)] * 1000,
        # Each stalls for a quarter of a minute, or breaks for hours, at its worst moment.
        [(0.0, 1.0)] * 2 + [(15.0, 1.0)] + [(0.0, 1.0)] * 100,
        [(0.0, 50.0), (500.0, 50.0)] + [(0.0, 50.0)] * 10,
        [(0.0, 5000.0), (4000.0, 5000.0), (0.1, 5000.0), (4000.0, 5000.0), (0.1, 5000.0)],
        # Twice as slow as it could be at worst.
        [(1.0, 4.0)] * 100,
    ],
)
def test_what_was_kept_is_not_live(frames: list[tuple[float, float]]) -> None:
    assert judged_after(frames) is None


def rows(*stretches: tuple[float, float, float, float]) -> list[tuple[float, float]]:
    """Rows of 10 s, newest first: from and to (s of the stream), received from and to (epoch s)."""
    found = []
    for first_s, stop_s, from_at, to_at in stretches:
        n = round((stop_s - first_s) / 10)
        step = (to_at - from_at) / n
        found += [(first_s + 10 * (i + 1), from_at + step * (i + 1)) for i in range(n)]
    return found[::-1]


def test_the_two_clocks_are_compared_over_what_came_live() -> None:
    hour = 3600.0
    night = rows((0, hour, 1e6, 1e6 + hour))
    assert lead_s(night) == pytest.approx(-1e6)
    kept = rows((0, hour, 1e6, 1e6 + hour), (hour, 9 * hour, 1e6 + 20 * hour, 1e6 + 20 * hour + 20))
    assert lead_s(kept) == pytest.approx(-1e6)
    # A server whose clock was set an hour ahead, or whose device's clock is 100 ppm fast, half an hour ago.
    stepped = rows((0, hour, 1e6, 1e6 + hour), (hour, 1.5 * hour, 1e6 + 2 * hour, 1e6 + 2.5 * hour))
    assert lead_s(stepped) == pytest.approx(-1e6 - hour)
    fast = rows((0, 8 * hour, 1e6, 1e6 + 8 * hour / 1.0001))
    assert lead_s(fast) == pytest.approx(8 * hour - fast[0][1], abs=0.2)


@pytest.mark.parametrize("late_s", [0.0, 0.4, 3.0])
def test_a_device_that_was_there_goes_on_at_its_next_sample(late_s: float) -> None:
    """Also where it rested meanwhile, so that its time fell behind, and where frames came while the stay was ended."""
    live = rows((0, 600, 1e6, 1e6 + 600))
    rested = rows((0, 600, 1e6, 1e6 + 600), (600, 700, 1e6 + 1600, 1e6 + 1700))
    for arrivals, next_s in ((live, 600), (rested, 700)):
        next_sample = round(next_s * RATE)
        for ended_at in (arrivals[0][1] + late_s, arrivals[0][1] - late_s):
            assert end_of_stay(arrivals, next_sample, RATE, ended_at) == next_sample


def test_a_stay_without_a_sample_ends_where_the_stream_goes_on() -> None:
    assert end_of_stay([], 500, RATE, 1e6) == 500
