"""Events as people read them: a pause that both rules found is shown once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import isinf
from typing import Protocol, TypeVar

from .types import EventKind

SCORED_APNEAS = frozenset({EventKind.APNEA, EventKind.OBSTRUCTIVE_APNEA, EventKind.CENTRAL_APNEA})


class _Event(Protocol):
    @property
    def kind(self) -> EventKind:
        """By which rule, and of which type."""

    @property
    def onset_s(self) -> float:
        """When it began."""


E = TypeVar("E", bound=_Event)


def one_of_each(events: Iterable[E]) -> list[E]:
    """Give events in the order of their onsets, and one of the two where a breath gap and a scored apnea are one pause.

    They are one where the apnea fills half of the gap. While either lasts it is the breath gap, whose clock the alarm
    follows; afterwards the scored apnea, which says more. Each keeps its own times: nothing is mixed. What is counted,
    stored and exported stays as it is. A gap whose end a full queue kept from the disk hides nothing that came later.

    Parameters
    ----------
    events : iterable
        With `kind`, `onset_s`, and a `duration_s` that is None or missing while they last.
    """
    ordered = sorted(events, key=lambda event: event.onset_s)
    gaps = [event for event in ordered if event.kind is EventKind.BREATH_GAP]
    # One gap ends before the next begins, whether its end is known or not.
    ends = [min(end_s(gap), after.onset_s) for gap, after in pairwise(gaps)] + [end_s(gap) for gap in gaps[-1:]]
    dropped: set[int] = set()
    first = 0
    for event in ordered:
        if event.kind not in SCORED_APNEAS:
            continue
        stop = end_s(event)
        while first < len(gaps) and ends[first] <= event.onset_s:
            first += 1
        for at in range(first, len(gaps)):
            gap, end = gaps[at], ends[at]
            if gap.onset_s >= stop:
                break
            # While a gap lasts, what counts is how much of it an apnea that has ended had filled by then.
            length = (stop if isinf(end) else end) - gap.onset_s
            filled = min(end, stop) - max(gap.onset_s, event.onset_s)
            if isinf(stop):
                dropped.add(id(event))
            elif 2 * filled >= length:
                dropped.add(id(event if isinf(end) else gap))
    return [event for event in ordered if id(event) not in dropped]


def end_s(event: _Event) -> float:
    """When an event ended; infinity while it lasts."""
    duration_s: float | None = getattr(event, "duration_s", None)
    return float("inf") if duration_s is None else event.onset_s + duration_s
