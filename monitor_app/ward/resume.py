"""A long recording goes on from its last day: what came before is counted from the store's own rows.

Breaths and events that the disk has keep their numbers; those found after the last of them go on from there. A detector
that begins in the middle needs some breaths to find baseline and amplitude, and may see one of those otherwise: there
the disk is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from cpap_core.types import Breath, DetectorOutput, OpenEvent, RespiratoryEvent
from store import EventRow

from .trace import Found, Trace

SAME_S = 0.5
"""Two findings of one kind closer than this are the same one: no two breaths begin within it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the disk has of a recording: numbers and onsets of the breaths seen again, where they end, all events."""

    breaths: Sequence[tuple[int, float]]
    breaths_end: int
    events: Sequence[EventRow]


def go_on(trace: Trace, found: Sequence[Found], stored: Stored) -> list[Found]:
    """Number what a detector found again, let the trace count on from there, and give what the disk does not have.

    Parameters
    ----------
    trace : Trace
        It has been fed the last day of its recording.
    found : sequence of Found
        All that came of that.
    stored : Stored
        What was on disk before.
    """
    missing, breaths_end = _breaths(found, stored)
    gaps, gaps_end = _events(found, [row for row in stored.events if row.id >= 0], sign=1)
    scored, scored_end = _events(found, [row for row in stored.events if row.id < 0], sign=-1)
    events = [*gaps, *scored]
    in_progress = trace.detector.breath_count - trace.breaths
    trace.count_on(breaths_end, in_progress, gaps_end, scored_end, _history(stored.events, events))
    if events:
        output = DetectorOutput()
        output.opened.extend(event for event in events if isinstance(event, OpenEvent))
        output.events.extend(event for event in events if isinstance(event, RespiratoryEvent))
        missing.append(Found(breaths_end, output))
    return missing


def numbers(found: Sequence[float], stored: Sequence[tuple[int, float]], end: int) -> list[int | None]:
    """Give each onset its number: the stored one's at the same time, or that of a hole, or the next after the last.

    None is an onset that the disk has no place for.
    """
    result: list[int | None] = []
    at = 0
    last = stored[0][0] - 1 if stored else end - 1
    for onset in found:
        while at < len(stored) and stored[at][1] < onset - SAME_S:
            last = stored[at][0]
            at += 1
        if at < len(stored) and stored[at][1] <= onset + SAME_S:
            last = stored[at][0]
            at += 1
        elif at < len(stored) and last + 1 == stored[at][0]:
            result.append(None)
            continue
        else:
            last += 1
        result.append(last)
    return result


def _breaths(found: Sequence[Found], stored: Stored) -> tuple[list[Found], int]:
    """Breaths that the disk does not have, and the number after the last of all."""
    breaths = [breath for _, output in found for breath in output.breaths]
    have = {number for number, _ in stored.breaths}
    missing: list[tuple[int, Breath]] = []
    for number, breath in zip(
        numbers([breath.onset_s for breath in breaths], stored.breaths, stored.breaths_end), breaths, strict=True
    ):
        if number is not None and number not in have:
            missing.append((number, breath))
    end = max([stored.breaths_end, *(number + 1 for number, _ in missing)])
    return [Found(first, DetectorOutput(breaths=run)) for first, run in _runs(missing)], end


def _runs(numbered: Sequence[tuple[int, Breath]]) -> Iterator[tuple[int, list[Breath]]]:
    """Consecutive numbers together."""
    starts = [0, *(at for at, (a, b) in enumerate(pairwise(numbered), 1) if b[0] != a[0] + 1), len(numbered)]
    for start, stop in pairwise(starts):
        if stop > start:
            yield numbered[start][0], [breath for _, breath in numbered[start:stop]]


def _events(
    found: Sequence[Found], stored: Sequence[EventRow], *, sign: int
) -> tuple[list[OpenEvent | RespiratoryEvent], int]:
    """Events of one rule that the disk does not have, or has still open, and how many there are of all.

    Breath gaps are numbered up from 0 (`sign` 1), scored events down from -1 (`sign` -1); here both count up from 0.
    """
    place = {row.id: row.id if sign > 0 else -1 - row.id for row in stored}
    have = {place[row.id]: row.duration_s for row in stored}
    end = max(have, default=-1) + 1
    latest: dict[int, OpenEvent | RespiratoryEvent] = {}
    for _, output in found:
        # What opened and closed in one output is closed.
        latest.update({event.id: event for event in output.opened if (event.id >= 0) == (sign > 0)})
        latest.update({event.id: event for event in output.events if (event.id >= 0) == (sign > 0)})
    found_again = list(latest.values())
    onsets = [
        (place[row.id], row.onset_s)
        for row in sorted(stored, key=lambda row: place[row.id])
        if not found_again or _may_be_seen(row, found_again[0])
    ]
    changed = []
    for number, event in zip(numbers([e.onset_s for e in found_again], onsets, end), found_again, strict=True):
        if number is not None and have.get(number) is None:
            changed.append(replace(event, id=number if sign > 0 else -1 - number))
            end = max(end, number + 1)
    return changed, end


def _may_be_seen(stored: EventRow, first_found: OpenEvent | RespiratoryEvent) -> bool:
    return stored.onset_s >= first_found.onset_s - SAME_S


def _history(
    stored: Sequence[EventRow], changed: Sequence[OpenEvent | RespiratoryEvent]
) -> list[OpenEvent | RespiratoryEvent]:
    """All events of the recording in order, as the disk will have them."""
    events: dict[int, OpenEvent | RespiratoryEvent] = {
        row.id: OpenEvent(row.id, row.kind, row.onset_s, row.detected_at_s)
        if row.duration_s is None
        else RespiratoryEvent(row.id, row.kind, row.onset_s, row.detected_at_s, row.duration_s)
        for row in stored
    }
    events.update({event.id: event for event in changed})
    return sorted(events.values(), key=lambda event: event.onset_s)
