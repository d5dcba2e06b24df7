"""`./monitor analyze PATH [--json]`: what a recording holds (F37), as text or as JSON."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cpap_core.analysis import Analysis
    from cpap_core.scoring import Scoring

KINDS = {
    "obstructive_apnea": "obstructive apnea",
    "central_apnea": "central apnea",
    "apnea": "unclassified apnea",
    "hypopnea": "hypopnea",
}

LISTED_ROWS = 20
"""So many rejected rows, apneas and gaps the text shows of each; the JSON holds all of them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "paths",
        metavar="PATH",
        type=Path,
        nargs="+",
        help="a seven-column text recording, an EDF file with a flow channel, or the folder of a ResMed night",
    )
    parser.add_argument("--json", action="store_true", help="strict JSON on standard output, one line for each PATH")
    parser.add_argument(
        "--preset",
        choices=("device", "aasm"),
        default="device",
        help="scoring: as CPAP devices do, flow down by 75 %% or 50 %% (default), or by the AASM's 90 and 30",
    )
    parser.add_argument("--verbose", action="store_true", help="show the log, too, on standard error")


def run(args: argparse.Namespace) -> int:
    """Analyse each path; returns the exit code, 1 when one could not be read."""
    from cpap_core.analysis import analyze
    from cpap_core.readers import RecordingError, read_recording

    if args.verbose:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(message)s")
    else:  # the report itself says what the log would say
        logging.getLogger("cpap_core").addHandler(logging.NullHandler())
    exit_code = 0
    for path in args.paths:
        try:
            analysis = analyze(read_recording(path), preset=args.preset)
        except RecordingError as error:
            print(f"monitor analyze: {error}", file=sys.stderr)
            exit_code = 1
        else:
            print(json.dumps(analysis.as_dict(), allow_nan=False) if args.json else "\n".join(report(analysis)))
    return exit_code


def report(analysis: Analysis) -> Iterator[str]:
    """The lines of the readable report."""
    recording = analysis.recording
    yield recording.name
    yield _row("duration", f"{recording.duration_s:.2f} s{_hours(recording.duration_s)}")
    yield _row("begins at", _clock(analysis, 0.0))
    yield _row("sampling rate", f"{recording.sampling_rate_hz:g} Hz")
    yield _row("breaths", f"{len(analysis.breaths)}")
    yield _row("breathing rate", f"{analysis.breath_rate_bpm:.2f} breaths/min")
    yield _row("apnea count", f"{len(analysis.apneas)}")
    yield _row("scored events", _scored(analysis.scoring))
    yield _row("AHI", _ahi(analysis.scoring))
    yield _row("leakage", f"{recording.leakage_l:.4f} L{'  (negative)' if recording.leakage_l < 0 else ''}")
    yield _row("unusable", f"{analysis.unusable_s:.2f} s{_hours(analysis.unusable_s)}")
    if analysis.message:
        yield _row("note", analysis.message)
    yield from _listed(
        "apneas (breath gaps, from peak to peak)",
        [f"{_clock(analysis, apnea.onset_s)}  for {apnea.duration_s:.2f} s" for apnea in analysis.apneas],
    )
    yield from _listed(
        f"scored events (flow reduction, preset {analysis.scoring.preset}, flow-only)",
        [
            f"{_clock(analysis, event.onset_s)}  {KINDS[event.kind.value]}, {event.duration_s:.1f} s"
            + ("  (uncertain: large leak)" if analysis.scoring.is_uncertain(event) else "")
            for event in analysis.events
        ],
    )
    yield from _listed(
        "large leak",
        [f"{_clock(analysis, leak.onset_s)}  for {leak.duration_s:.0f} s" for leak in analysis.scoring.large_leaks],
    )
    yield from _listed(
        "without signal", [f"{_clock(analysis, gap.onset_s)}  for {gap.duration_s:.2f} s" for gap in analysis.gaps]
    )
    yield from _listed("rejected rows", [f"line {row.line}: {row.reason}" for row in recording.rejected_rows])


def _scored(scoring: Scoring) -> str:
    kinds = {name: sum(event.kind.value == kind for event in scoring.events) for kind, name in KINDS.items()}
    listed = ", ".join(f"{count} {name}" for name, count in kinds.items() if count)
    return f"{len(scoring.events)}{f'  ({listed})' if listed else ''}"


def _ahi(scoring: Scoring) -> str:
    return "unknown" if scoring.ahi_per_h is None else f"{scoring.ahi_per_h:.2f} per monitored hour"


def _row(name: str, value: str) -> str:
    return f"  {name:<16}{value}"


def _listed(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"  {title}: {len(lines)}"
        yield from (f"    {line}" for line in lines[:LISTED_ROWS])
    if len(lines) > LISTED_ROWS:
        yield f"    and {len(lines) - LISTED_ROWS} more, all of them with --json"


def _hours(seconds: float) -> str:
    return f"  ({seconds / 3600:.2f} h)" if seconds >= 3600 else ""


def _clock(analysis: Analysis, seconds: float) -> str:
    """A time since the first sample as the recording's own clock shows it."""
    recording = analysis.recording
    time_s = recording.start_time + seconds
    if recording.has_date:
        return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M:%S}"
    return f"{time_s:.2f} s"
