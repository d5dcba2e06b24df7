"""A recording's flow as a small picture for those who cannot draw: PNG, with its axes in s and L/min."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cpap_core.summary import Summary

Scale = Callable[[float], float]
"""From a value to its place in the picture."""

WIDTH, HEIGHT = 960, 320
FINE = 2
"""Drawn so much larger, then made smaller: lines without steps."""
LEFT, RIGHT, TOP, BOTTOM = 62, 18, 44, 44
COLORS = 128
TOKENS = Path(__file__).resolve().parents[2] / "assets" / "css" / "tokens.css"
TEXT_PX = 17
LEAST_LPM = 20.0
STEPS = (1.0, 2.0, 5.0)
UNITS = ((1.0, "s", 600.0), (60.0, "min", 3 * 3600.0), (3600.0, "h", float("inf")))
"""Seconds in the axis' unit, its name, and up to which length of recording it is used."""


def draw(found: Summary) -> bytes:
    """Draw the least and the most flow of each stretch, so that no peak is lost; the apneas are grey.

    Parameters
    ----------
    found : Summary
        What the recording holds.

    Returns
    -------
    bytes
        A PNG of 960 x 320 pixels, below 60 kB.
    """
    image = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), _color("tile"))
    pen = ImageDraw.Draw(image)
    length_s = max(found.n_samples / found.sampling_rate_hz, 1.0)
    low, high = _range(found)

    def x(seconds: float) -> float:
        return FINE * (LEFT + (WIDTH - LEFT - RIGHT) * seconds / length_s)

    def y(flow: float) -> float:
        return FINE * (TOP + (HEIGHT - TOP - BOTTOM) * (high - flow) / (high - low))

    for apnea in found.apneas:
        edges = [x(max(0.0, apnea.onset_s)), x(min(length_s, apnea.onset_s + apnea.duration_s))]
        pen.rectangle((edges[0], y(high), max(edges[1], edges[0] + FINE), y(low)), _color("span"))
    _axes(pen, x, y, (low, high), length_s)
    for apnea in found.apneas:
        name = f"apnea {int(apnea.duration_s)} s"
        if x(apnea.onset_s + apnea.duration_s) - x(apnea.onset_s) > pen.textlength(name, _font()) + 16 * FINE:
            pen.text((x(apnea.onset_s) + 8 * FINE, y(low) - 8 * FINE), name, _color("text"), font=_font(), anchor="ls")
    for line in _lines(found, x, y):
        pen.line(line, _color("flow"), width=round(1.6 * FINE), joint="curve")
    small = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    target = BytesIO()
    small.quantize(COLORS, Image.Quantize.FASTOCTREE).save(target, "PNG", optimize=True)
    return target.getvalue()


def _lines(found: Summary, x: Scale, y: Scale) -> Iterator[list[tuple[float, float]]]:
    """The flow as lines from one stretch to the next, broken where there is no signal."""
    valid = ~np.isnan(found.low_lpm)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], valid, [False])).astype(np.int8)))
    for first, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        points: list[tuple[float, float]] = []
        for at in range(first, stop):
            place = x((at + 0.5) * found.stretch_s)
            ends = (float(found.low_lpm[at]), float(found.high_lpm[at]))
            # Up in one stretch and down in the next: the line covers both ends of each without crossing itself.
            points += [(place, y(flow)) for flow in (ends if at % 2 else ends[::-1])]
        if len(points) > 1:
            yield points


def _axes(pen: ImageDraw.ImageDraw, x: Scale, y: Scale, bounds: tuple[float, float], length_s: float) -> None:
    low, high = bounds
    text, quiet, grid = _color("text"), _color("secondary"), _color("edge")
    pen.text((FINE * LEFT, FINE * 12), "Flow", text, font=_font())
    pen.text((FINE * LEFT + pen.textlength("Flow ", _font()), FINE * 12), "L/min", quiet, font=_font())
    for tick in _ticks(low, high, 5):
        pen.line((x(0), y(tick), x(length_s), y(tick)), grid, width=FINE if tick else 2 * FINE)
        pen.text((FINE * (LEFT - 10), y(tick)), f"{tick:g}", quiet, font=_font(), anchor="rm")
    scale, unit, _ = next(each for each in UNITS if length_s <= each[2])
    for tick in _ticks(0.0, length_s / scale, 10):
        place = x(tick * scale)
        pen.line((place, y(low), place, y(low) + 5 * FINE), quiet, width=FINE)
        near_end = place > FINE * (WIDTH - RIGHT - 40)
        label = f"{tick:g} {unit}" if tick == 0 else f"{tick:g}"
        pen.text((place, y(low) + 9 * FINE), label, quiet, font=_font(), anchor="rt" if near_end else "mt")


def _range(found: Summary) -> tuple[float, float]:
    """The axis' ends in L/min: all that there is, and never less than quiet breathing needs."""
    known = found.high_lpm[~np.isnan(found.high_lpm)]
    if not len(known):
        return -LEAST_LPM, LEAST_LPM
    low, high = float(np.nanmin(found.low_lpm)), float(known.max())
    margin = 0.05 * max(high - low, 1.0)
    return min(low - margin, -LEAST_LPM), max(high + margin, LEAST_LPM)


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two ends."""
    rough = (high - low) / most
    power = 10.0 ** np.floor(np.log10(rough))
    step = next((step * power for step in STEPS if step * power >= rough), 10.0 * power)
    return [round(tick * step, 6) + 0.0 for tick in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


@cache
def _color(name: str) -> str:
    """A colour of the dark theme."""
    found = re.search(rf"--{name}: (#[0-9a-f]{{6}});", TOKENS.read_text(encoding="utf-8"))
    if found is None:
        raise LookupError(f"{TOKENS.name} has no colour {name}")
    return found[1]


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(TEXT_PX * FINE)
