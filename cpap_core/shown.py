"""Events as people read them: a pause that both rules found is shown once."""

from __future__ import annotations

from collections.abc import Iterable
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
    stored and exported stays as it is.

    Parameters
    ----------
    events : iterable
        With `kind`, `onset_s`, and a `duration_s` that is None or missing while they last.
    """
    ordered = sorted(events, key=lambda event: event.onset_s)
    gaps = [event for event in ordered if event.kind is EventKind.BREATH_GAP]
    dropped: set[int] = set()
    first = 0
    for event in ordered:
        if event.kind not in SCORED_APNEAS:
            continue
        while first < len(gaps) and end_s(gaps[first]) <= event.onset_s:
            first += 1
        for gap in gaps[first:]:
            if gap.onset_s >= end_s(event):
                break
            if max(end_s(gap), end_s(event)) == float("inf"):
                dropped.add(id(event))
            elif 2 * (min(end_s(gap), end_s(event)) - max(gap.onset_s, event.onset_s)) >= end_s(gap) - gap.onset_s:
                dropped.add(id(gap))
    return [event for event in ordered if id(event) not in dropped]


def end_s(event: _Event) -> float:
    """When an event ended; infinity while it lasts."""
    duration_s: float | None = getattr(event, "duration_s", None)
    return float("inf") if duration_s is None else event.onset_s + duration_s
