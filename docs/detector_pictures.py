"""Draw what the detector hits, misses and finds besides: `.venv/bin/python docs/detector_pictures.py`.

Drawn are simulated patients, whose apneas are known. `--nights FOLDER --to FOLDER` draws a folder of nights with a
device's scoring instead, for whoever may look at them: such pictures show real people and belong in no repository.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from PIL import Image, ImageDraw, ImageFont  # noqa: E402

from benchmarks.detector import subject  # noqa: E402
from benchmarks.detector.agreement import APNEA_TOLERANCE_S  # noqa: E402
from benchmarks.detector.disturbance import disturbed  # noqa: E402
from benchmarks.detector.nights import ScoredEvent, ScoredPart, scored_parts  # noqa: E402
from benchmarks.matching import Interval, paired, shared_s  # noqa: E402
from cpap_core import EventKind  # noqa: E402
from cpap_core.simulate import SimulatedPatient, record  # noqa: E402

IMAGES = ROOT / "docs/images/detector"
TOKENS = ROOT / "assets/css/tokens.css"
WIDTH, HEIGHT, FINE = 960, 190, 2
LEFT, RIGHT = 74, 14
PLOT = (30, 132)
"""Top and bottom of the flow, in pixels."""

BARS = {"scored": 140, "found": 160}
AROUND_S = 30.0
MOST_LPM = 90.0
PATIENTS, HOURS, RATE_HZ = 12, 1.0, 25.0
OBSTRUCTIVE = {"pressure_cmh2o": 5.0}
"""Below the critical pressure of these patients' airways, so that they have events."""

SLOW = {"pressure_cmh2o": 12.0, "respiratory_rate_per_min": 6.0, "variability": 0.3}
"""Breaths so far apart that some look like pauses to the breath-gap rule."""

DISTURBED = 200
SHORTEST_S = 10.0
"""A shorter pause is no apnea."""

SHOWN = 3
"""Panels in each picture."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A stretch of flow around one event, with every scored and every found apnea in it."""

    title: str
    part: ScoredPart
    at: Interval
    found: tuple[Interval, ...]


def main() -> None:
    """Gather panels of each kind and draw as many of them as are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=Path, help="nights with a device's scoring, in place of simulated patients")
    parser.add_argument("--to", type=Path, default=IMAGES)
    parser.add_argument("--most", type=int, default=SHOWN, help="panels in a picture")
    given = parser.parse_args()
    if given.nights and given.to == IMAGES:
        parser.error("pictures of real nights show real people: give --to FOLDER, outside of the project")
    given.to.mkdir(parents=True, exist_ok=True)
    gathered: dict[str, list[Panel]] = {"hits": [], "misses": [], "false": []}
    # What is true of a simulated patient needs no tolerance.
    tolerance_s = APNEA_TOLERANCE_S if given.nights else 0.0
    for part in scored_parts(given.nights) if given.nights else simulated():
        for kind, panel in panels(part, tolerance_s):
            gathered[kind].append(panel)
    for kind, several in gathered.items():
        print(f"{kind}: {len(several)}")
        path = given.to / f"{kind}.png"
        path.unlink(missing_ok=True)
        if several:
            draw(list(islice(spread(several, given.most), given.most))).save(path, "PNG", optimize=True)


def simulated() -> Iterator[ScoredPart]:
    """Obstructive patients, a slow breather, and pauses after a disturbance, each with what is true of it."""
    for seed in range(1, PATIENTS + 1):
        patient = SimulatedPatient(seed, RATE_HZ, **(SLOW if seed == PATIENTS else OBSTRUCTIVE))
        recording = record(patient, HOURS * 3600)
        events = [ScoredEvent(event.kind, event.onset_s, event.duration_s) for event in patient.truth.events]
        apneas = (event for event in events if event.kind in subject.APNEAS and event.duration_s >= SHORTEST_S)
        hypopneas = (event for event in events if event.kind is EventKind.HYPOPNEA)
        yield ScoredPart(f"simulated patient {seed}", recording, None, tuple(apneas), tuple(hypopneas))
    for seed in range(DISTURBED):
        case = disturbed(seed)
        pause = ScoredEvent(EventKind.APNEA, case.pause[0], case.pause[1] - case.pause[0])
        yield ScoredPart(f"after a disturbance, {seed}", case.recording, None, (pause,), ())


def panels(part: ScoredPart, tolerance_s: float) -> Iterator[tuple[str, Panel]]:
    """Everything that is hit, missed or false in a part, by the bench's own matching."""
    apneas = subject.find(part.recording).apneas
    found = tuple(apnea.interval for apnea in apneas)
    matched = paired(found, [event.interval for event in part.apneas], tolerance_s)
    hit = {event: at for at, event in matched}
    for index, event in enumerate(part.apneas):
        what = f"{_words(event.kind)} of {event.duration_s:.0f} s"
        if index in hit:
            ours = apneas[hit[index]]
            after_s = ours.detected_at_s - event.onset_s
            told = f"{what}: told {after_s:.1f} s after its onset, closed as {_words(ours.kind)}"
            yield "hits", Panel(told, part, event.interval, found)
        else:
            yield "misses", Panel(f"{what}: missed", part, event.interval, found)
    for index in set(range(len(apneas))) - {at for at, _ in matched}:
        ours = apneas[index]
        beside = "where nothing is scored"
        if any(shared_s(ours.interval, event.interval) >= 0 for event in part.apneas):
            beside = "over an apnea that another detection hits"
        elif any(shared_s(ours.interval, event.interval) >= 0 for event in part.hypopneas):
            beside = "where a hypopnea is"
        yield "false", Panel(f"{_words(ours.kind)} of {ours.duration_s:.0f} s {beside}", part, ours.interval, found)


def spread(several: list[Panel], most: int) -> Iterable[Panel]:
    """Some from beginning to end, not the first ones."""
    return (several[at] for at in np.unique(np.linspace(0, len(several) - 1, most).round().astype(int)))


def draw(several: list[Panel]) -> Image.Image:
    """One panel under the other."""
    image = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE * len(several)), color("tile"))
    pen = ImageDraw.Draw(image)
    for index, panel in enumerate(several):
        _draw(pen, panel, index * HEIGHT)
    return image.resize((WIDTH, HEIGHT * len(several)), Image.Resampling.LANCZOS).quantize(
        128, Image.Quantize.FASTOCTREE
    )


def _draw(pen: ImageDraw.ImageDraw, panel: Panel, top: int) -> None:
    recording = panel.part.recording
    begun, ended = max(0.0, panel.at[0] - AROUND_S), panel.at[1] + AROUND_S
    first, stop = (round(edge * recording.sampling_rate_hz) for edge in (begun, ended))
    flow = recording.flow_lpm[first:stop].astype(np.float64)
    reach = float(np.clip(np.nanmax(np.abs(flow)), 20, MOST_LPM))

    def x(seconds: float) -> float:
        return FINE * (LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, (seconds - begun) / (ended - begun))))

    def y(lpm: float) -> float:
        middle, half = sum(PLOT) / 2, (PLOT[1] - PLOT[0]) / 2
        return FINE * (top + middle - half * max(-1.0, min(1.0, lpm / reach)))

    pen.text((FINE * LEFT, FINE * (top + 8)), panel.title, color("text"), font=font())
    name = f"{panel.part.night}, {begun:.0f} s"
    pen.text((FINE * (WIDTH - RIGHT), FINE * (top + 8)), name, color("secondary"), font=font(), anchor="ra")
    for lpm in (-reach, 0.0, reach):
        pen.line((x(begun), y(lpm), x(ended), y(lpm)), color("edge"), width=FINE)
        pen.text((FINE * (LEFT - 8), y(lpm)), f"{lpm:.0f}", color("secondary"), font=font(), anchor="rm")
    times = begun + np.arange(len(flow)) / recording.sampling_rate_hz
    line = [(x(at), y(lpm)) for at, lpm in zip(times.tolist(), flow.tolist(), strict=True) if np.isfinite(lpm)]
    pen.line(line, color("flow"), width=round(1.4 * FINE), joint="curve")
    rows = {"scored": [event.interval for event in panel.part.apneas], "found": list(panel.found)}
    for row, intervals in rows.items():
        at = FINE * (top + BARS[row])
        pen.text((FINE * (LEFT - 8), at + 7 * FINE), row, color("secondary"), font=font(), anchor="rm")
        for onset, end in intervals:
            if onset < ended and end > begun:
                shade = "pressure" if row == "scored" else "alarm-medium"
                pen.rectangle((x(onset) + 1, at + 2 * FINE, x(end) - 1 - FINE, at + 12 * FINE), color(shade))


def _words(kind: EventKind) -> str:
    return kind.value.replace("_", " ")


@cache
def color(name: str) -> str:
    """A colour of the dark theme."""
    found = re.search(rf"--{name}: (#[0-9a-f]{{6}});", TOKENS.read_text(encoding="utf-8"))
    if found is None:
        raise LookupError(f"{TOKENS.name} has no colour {name}")
    return found[1]


@cache
def font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own, so that every machine draws the same."""
    return ImageFont.load_default(12 * FINE)


if __name__ == "__main__":
    main()
