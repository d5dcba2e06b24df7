"""A trace draws what was sent, where it was sent: levels, gaps, and history joined with what comes live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.app.live_server import LiveServer
from tests.app.raw_device import RawDevice, frame
from tests.ui.bedside import RATE_HZ, Bedside
from tests.ui.conftest import Diary

WINDOW = 30 * RATE_HZ
LEVELS_LPM = (20.0, -12.0, 10.0, 0.0)
STEP = 3 * RATE_HZ
GAP = (15 * RATE_HZ, 17 * RATE_HZ)
"""These samples the device leaves out."""
FIRST_PART, ALL = 21 * RATE_HZ, 26 * RATE_HZ


def sent(first: int, last: int) -> np.ndarray:
    """Steps of 3 s each in the flow, and a ramp of pressure from 5 to 10 cmH2O."""
    index = np.arange(first, last)
    flow = np.take(LEVELS_LPM, index // STEP % len(LEVELS_LPM))
    return np.column_stack((flow, 5 + 5 * index / ALL)).astype(np.float32)


@pytest.mark.parametrize("view", ["wall", "room"])
def test_the_trace_is_what_was_sent(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int], view: str
) -> None:
    """F40: each level at its height, each step in its place, missing samples a gap; old and new join without a seam."""
    number = next(numbers)
    device = bedside.do(_connect(ward.url, number)).result(timeout=10)
    try:
        for first, last in ((0, GAP[0]), (GAP[1], FIRST_PART)):
            bedside.do(device.say(frame(first, sent(first, last)))).result(timeout=10)
        bedside.do(device.hear_ack(FIRST_PART)).result(timeout=10)
        diary = diary_page(f"{ward.url}/{'wall' if view == 'wall' else f'room?room={number}'}")
        flow = f"[aria-label^='Flow of room {number}']" if view == "wall" else ".plot:nth-of-type(1) canvas[role=img]"
        diary.wait(lambda: _painted(diary, flow, FIRST_PART), 10)
        bedside.do(device.say(frame(FIRST_PART, sent(FIRST_PART, ALL)))).result(timeout=10)
        picture = diary.wait(lambda: _painted(diary, flow, ALL), 10)
        _levels_are_right(picture)
        if view == "room":
            _ramp_is_straight(_picture(diary, ".plot:nth-of-type(2) canvas[role=img]"))
    finally:
        bedside.do(device.__aexit__(None, None, None)).result(timeout=10)


async def _connect(url: str, number: int) -> RawDevice:
    device = await RawDevice(url, number).__aenter__()
    await device.greet(f"steps {number}")
    return device


def _picture(diary: Diary, selector: str) -> dict[str, Any]:
    return dict(diary.page.evaluate("(selector) => probe.columns(probe.one(selector))", selector))


def _painted(diary: Diary, selector: str, until: int) -> dict[str, Any] | None:
    """The picture, once samples up to `until` are painted."""
    if not diary.page.evaluate("(selector) => Boolean(probe.one(selector))", selector):
        return None
    picture = _picture(diary, selector)
    return picture if picture["middles"][_column(picture, until - 4)] else None


def _column(picture: dict[str, Any], index: float) -> int:
    return int(index / WINDOW * picture["width"])


def _levels_are_right(picture: dict[str, Any]) -> None:
    middles = picture["middles"]
    heights: dict[float, list[float]] = {level: [] for level in LEVELS_LPM}
    for index in range(ALL - 4):
        near_step = index % STEP < 6 or index % STEP > STEP - 7
        at = middles[_column(picture, index + 0.5)]
        if GAP[0] + 5 <= index < GAP[1] - 5:
            assert at is None, f"sample {index} was never sent"
        elif not GAP[0] - 3 <= index < GAP[1] + 3:
            assert at is not None, f"sample {index} is not painted"
            if not near_step:
                heights[LEVELS_LPM[index // STEP % len(LEVELS_LPM)]].append(at["middle"])
    for level, found in heights.items():
        assert np.ptp(found) < 1.5, f"{level} L/min is painted at {min(found)} to {max(found)}"
    top, bottom = np.mean(heights[20.0]), np.mean(heights[-12.0])
    for level, found in heights.items():
        wanted = bottom + (top - bottom) * (level + 12) / 32
        assert abs(np.mean(found) - wanted) < 1.5, f"{level} L/min"
    assert bottom - top > 0.2 * picture["height"]
    # Nothing is painted where nothing was sent yet, but for the sweep's cursor.
    assert all(at is None for at in middles[_column(picture, ALL + 5) :])


def _ramp_is_straight(picture: dict[str, Any]) -> None:
    middles = picture["middles"]
    index = np.array([i for i in range(5, ALL - 5) if not GAP[0] - 3 <= i < GAP[1] + 3])
    found = np.array([middles[_column(picture, i + 0.5)]["middle"] for i in index])
    slope, start = np.polyfit(index, found, 1)
    assert slope < 0
    assert np.abs(found - (slope * index + start)).max() < 2.0
