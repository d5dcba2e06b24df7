"""Draw the pictures of docs/simulated-patient.md from the running code: `.venv/bin/python docs/simulated_pictures.py`.

Each is a simulation made here and now; nothing is drawn by hand. Takes some seconds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cpap_core.simulate import KINDS, SimulatedPatient, TrueEvent, Truth  # noqa: E402
from cpap_core.simulate import constants as c  # noqa: E402
from cpap_core.simulate.mechanics import through_airway  # noqa: E402
from cpap_core.types import EventKind  # noqa: E402

IMAGES = ROOT / "docs/images/simulated"
WIDTH, LEFT, RIGHT, TOP, GAP, FINE = 1000, 70, 16, 26, 14, 2
"""FINE: drawn so many times larger, then made smaller, for smooth lines."""

INK, FAINT, BLUE, RED, GREEN, ORANGE = "#22303c", "#d5dce2", "#1f5fa8", "#b3362b", "#2c7d4f", "#c77d11"
COLOURS = {EventKind.OBSTRUCTIVE_APNEA: RED, EventKind.CENTRAL_APNEA: GREEN, EventKind.HYPOPNEA: ORANGE}


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One strip of a picture: lines over the same x, a label, and its height in pixels."""

    label: str
    x: ArrayLike
    lines: Sequence[tuple[ArrayLike, str]]
    height: int = 110
    zero: bool = True


def draw(name: str, strips: Sequence[Strip], x_label: str, events: Sequence[TrueEvent] = ()) -> None:
    """Draw strips one below the other, events as bars above them, and write a small PNG."""
    height = TOP + sum(strip.height + GAP for strip in strips) + 30
    image = Image.new("RGB", (WIDTH * FINE, height * FINE), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=13 * FINE)
    first, last = float(np.min(strips[0].x)), float(np.max(strips[0].x))

    def across(x: float) -> float:
        return (LEFT + (x - first) / (last - first) * (WIDTH - LEFT - RIGHT)) * FINE

    for event in events:
        begin, end = max(event.onset_s, first), min(event.onset_s + event.duration_s, last)
        if begin < end:
            pen.rectangle((across(begin), 4 * FINE, across(end), 12 * FINE), fill=COLOURS[event.kind])
    top = TOP
    for strip in strips:
        values = np.concatenate([np.asarray(line, float) for line, _ in strip.lines])
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        if strip.zero:
            low, high = min(low, 0.0), max(high, 0.0)
        margin = 0.06 * (high - low or 1.0)
        low, high = low - margin, high + margin

        def up(value: float, top: int = top, low: float = low, high: float = high, tall: int = strip.height) -> float:
            return (top + (high - value) / (high - low) * tall) * FINE

        pen.rectangle((across(first), top * FINE, across(last), (top + strip.height) * FINE), outline=FAINT)
        if strip.zero:
            pen.line((across(first), up(0), across(last), up(0)), fill=FAINT, width=FINE)
        for line, colour in strip.lines:
            points = [(across(x), up(y)) for x, y in zip(strip.x, line, strict=True) if np.isfinite(y)]  # type: ignore[arg-type]
            gaps = np.flatnonzero(~np.isfinite(np.asarray(line, float)))
            if len(gaps):  # missing samples are no line
                pen.point(points, fill=colour)
                for at in range(len(points) - 1):
                    if points[at + 1][0] - points[at][0] < 3 * (across(last) - across(first)) / len(np.asarray(line)):
                        pen.line((*points[at], *points[at + 1]), fill=colour, width=FINE)
            else:
                pen.line(points, fill=colour, width=FINE, joint="curve")
        pen.text((LEFT * FINE + 6 * FINE, (top + 3) * FINE), strip.label, fill=INK, font=font)
        for value in (low + margin, high - margin):
            pen.text((4 * FINE, up(value) - 8 * FINE), f"{value:.3g}", fill=INK, font=font)
        top += strip.height + GAP
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200) if (last - first) / s <= 8)
    for x in np.arange(np.ceil(first / step) * step, last, step):
        pen.text((across(x), (top - 8) * FINE), f"{x + 0.0:g}", fill=INK, font=font, anchor="ma")
    pen.text((WIDTH // 2 * FINE, (top + 6) * FINE), x_label, fill=INK, font=font)
    small = image.resize((WIDTH, height), Image.Resampling.LANCZOS).quantize(128, Image.Quantize.MAXCOVERAGE)
    small.save(IMAGES / f"{name}.png", optimize=True)


def night(
    kind: str, seconds: int, seed: int = 1, commands: Sequence[tuple[int, float]] = (), rate: int = 25, **traits: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Truth]:
    """Measured flow and pressure, flow into the lung, and the truth of a patient of this kind."""
    patient = SimulatedPatient(seed, rate, **(dict(KINDS[kind][1]) | traits))
    parts, at = [], 0
    for until, pressure in (*commands, (seconds, None)):
        parts.append(patient.signals((until - at) * rate))
        at = until
        if pressure is not None:
            patient.set_pressure(pressure)
    flow, pressure, lung = (np.concatenate(part).astype(float) for part in zip(*parts, strict=True))
    patient.signals(90 * rate)  # so that the truth of the last event is complete
    return flow, pressure, lung, patient.truth


def strips_of(flow: np.ndarray, pressure: np.ndarray, begin: float, end: float, rate: int = 25) -> list[Strip]:
    """Flow and airway pressure of a stretch."""
    at = slice(int(begin * rate), int(end * rate))
    x = np.arange(at.start, at.stop) / rate
    return [
        Strip(label="flow at the mask, L/min", x=x, lines=[(flow[at], BLUE)]),
        Strip(label="airway pressure, cmH2O", x=x, lines=[(pressure[at], RED)], height=70, zero=False),
    ]


def breath() -> None:
    """Effort, flow and volume of three breaths; the effort from the equation of motion, solved for it."""
    rate = 100
    quiet = {"flow_noise_lpm": 0.0, "pressure_noise_cmh2o": 0.0, "flow_step_lpm": 0.0, "pressure_step_cmh2o": 0.0}
    _, pressure, lung, _ = night("healthy", 40, rate=rate, heartbeat_lpm=0.0, leak_lpm=0.0, **quiet)
    volume = np.cumsum(lung) / 60 / rate
    resistance = c.UPPER_RESISTANCE + c.LOWER_RESISTANCE
    effort = c.ELASTANCE_CMH2O_PER_L * volume + resistance * lung / 60 - (pressure - pressure[0])
    at = slice(20 * rate, 33 * rate)
    x = np.arange(at.start, at.stop) / rate
    draw(
        "breath",
        [
            Strip(label="pressure of the muscles, cmH2O", x=x, lines=[(effort[at], GREEN)]),
            Strip(label="flow into the lung, L/min", x=x, lines=[(lung[at], BLUE)]),
            Strip(label="volume, L", x=x, lines=[(volume[at], INK)], height=80),
        ],
        "s",
    )


def airway() -> None:
    """Flow through the collapsible airway against effort, for four mask pressures."""
    alveolar = np.linspace(4, -14, 300)
    critical = 6.5
    lines = []
    for mask, colour in ((4.0, RED), (8.0, ORANGE), (10.0, GREEN), (12.0, BLUE)):
        flow = [
            60 * through_airway(mask, mask + p, critical, c.HOSE_RESISTANCE + c.UPPER_RESISTANCE, c.LOWER_RESISTANCE)
            for p in alveolar
        ]
        lines.append((flow, colour))
    label = "flow, L/min, at 4 (red), 8 (orange), 10 (green), 12 cmH2O (blue); critical pressure 6.5"
    draw("airway", [Strip(label=label, x=-alveolar, lines=lines, height=220)], "cmH2O of suction in the alveoli")


def raised() -> None:
    """The same command, from 4 to 12 cmH2O, on an obstructive and on a central patient."""
    for name, kind, traits in (("raised", "obstructive", {}), ("central", "central", {"pressure_cmh2o": 4.0})):
        flow, pressure, _, truth = night(
            kind, 1000, seed=3, commands=[(500, 12)], leak_episodes_per_h=0.0, sighs_per_h=0.0, **traits
        )
        draw(name, strips_of(flow, pressure, 260, 760), "s", truth.events)


def arousal() -> None:
    """One obstructive apnea, from collapse to arousal."""
    flow, pressure, _, truth = night("obstructive", 600, seed=3)
    event = truth.events[2]
    draw("arousal", strips_of(flow, pressure, event.onset_s - 15, event.onset_s + event.duration_s + 25), "s", [event])


def hypopneas() -> None:
    """A hypopnea of a narrowed airway and one of a weak drive."""
    flow, pressure, _, truth = night("hypopnea", 3600, seed=3)
    for cause in ("airway", "drive"):
        event = next(e for e in truth.events if e.cause == cause and e.reduction > 0.5 and e.duration_s < 40)
        begin = event.onset_s - 15
        draw(f"hypopnea-{cause}", strips_of(flow, pressure, begin, begin + 60)[:1], "s", [event])


def probe() -> None:
    """The device's probe in a closed and in an open airway."""
    for kind in ("obstructive", "central"):
        flow, pressure, _, truth = night(kind, 900, seed=3)
        event = next(e for e in truth.events if e.duration_s > 14)
        begin = event.onset_s + 2
        draw(f"probe-{kind}", strips_of(flow, pressure, begin, begin + 11), "s")


def leak() -> None:
    """A sudden leak, and its flow at another pressure."""
    flow, pressure, _, truth = night(
        "healthy", 360, commands=[(110, 16)], pressure_cmh2o=8.0, first_leak_s=60, leak_episodes_per_h=0.0
    )
    assert truth.leaks
    draw("leak", strips_of(flow, pressure, 40, 160), "s")


def periodic() -> None:
    """High loop gain."""
    flow, pressure, _, truth = night("periodic", 700, seed=4)
    draw("periodic", strips_of(flow, pressure, 400, 640)[:1], "s", truth.events)


def sensors() -> None:
    """Noise, steps, the heart's ripple and missing samples, close by."""
    flow, pressure, _, _ = night("central", 1200, seed=3, dropouts_per_h=300.0)
    missing = np.flatnonzero(np.isnan(flow[2500:])) + 2500
    begin = missing[0] / 25 - 4
    draw("sensors", strips_of(flow, pressure, begin, begin + 10), "s")


def main() -> None:
    """Draw all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    for picture in (breath, airway, raised, arousal, hypopneas, probe, leak, periodic, sensors):
        picture()


if __name__ == "__main__":
    main()
