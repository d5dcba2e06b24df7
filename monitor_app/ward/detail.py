"""What only a room's own page shows: marks on the traces, what happened, the night."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from cpap_core import rules
from cpap_core.shown import end_s, one_of_each
from cpap_core.types import EventKind, OpenEvent, RespiratoryEvent

from .stay import Stay
from .trace import Trace

WINDOW_S = 35.0
"""Breath marks and spans are sent for a little more than a page's window."""
PEAKS_SHOWN = 30
EVENTS_SHOWN = 40
COMMANDS_SHOWN = 4
PEAK_PASSED_S = 0.5
NIGHT_S = 24 * 3600.0
"""Recordings that ended longer before the newest one's minute are no part of the night."""
EVENT_NAMES = {
    EventKind.BREATH_GAP: "Apnea",
    EventKind.APNEA: "Unclassified apnea",
    EventKind.OBSTRUCTIVE_APNEA: "Obstructive apnea",
    EventKind.CENTRAL_APNEA: "Central apnea",
    EventKind.HYPOPNEA: "Hypopnea, flow-only",
    EventKind.POSSIBLE_RERA: "Possible RERA",
}


class Detail:
    """A room's details; each part is made again only when what it is made of has changed.

    With 4 h behind it that is 4 against 17 us for each look at a room, ten times a second.
    """

    def __init__(self) -> None:
        self._made: dict[str, tuple[Hashable, Any]] = {}

    def of(self, stay: Stay | None, trace: Trace | None, *, live: bool, now: float) -> dict[str, Any]:
        """All of it, as plain data."""
        vitals = trace.vitals() if trace is not None and live else None
        since_breath = vitals.seconds_since_breath if vitals else None
        traces = list(stay.traces.values()) if stay else []
        marked_by_people = stay.marked if stay else 0
        news = (stay.stay_id if stay else None, marked_by_people, tuple((t.recording_id, t.news) for t in traces))
        commands = stay.commands if stay else None
        commanded = commands.changes if commands else 0
        running = tuple(int(t.newest_s - e.onset_s) for t in traces for e in t.open.values())
        peak_s = None if trace is None else _newest_peak_s(trace)
        marked = None if trace is None else (trace.epoch, trace.news, peak_s, int(trace.newest_s), marked_by_people)
        minutes = tuple((len(t.night.minutes), t.night.minutes[-1] if t.night.minutes else None) for t in traces)
        return {
            "seconds_since_breath": None if since_breath is None else int(since_breath),
            "device": trace.spec.device if trace else None,
            "max_pressure_cmh2o": stay.max_cpap_cmh2o(now) if stay else rules.MAX_CPAP_ADULT_CMH2O,
            "commands": self._once(
                "commands", (news[0], commanded), lambda: commands.as_dicts(COMMANDS_SHOWN) if commands else []
            ),
            "marks": self._once("marks", marked, lambda: _marks(stay, trace, peak_s)),
            "events": self._once("events", (news, commanded, running), lambda: _events(stay)),
            "night": self._once("night", (news, minutes), lambda: _night(stay, traces)),
        }

    def _once(self, name: str, key: Hashable, make: Callable[[], Any]) -> Any:
        known = self._made.get(name)
        if known is None or known[0] != key:
            known = self._made[name] = (key, make())
        return known[1]


def _newest_peak_s(trace: Trace) -> float | None:
    """The peak of the breath that is not complete yet, once the flow has fallen from it."""
    vitals = trace.vitals()
    since = vitals.seconds_since_breath if vitals else None
    if since is None or since < PEAK_PASSED_S:
        return None
    peak_s = round(trace.newest_s - since, 2)
    return peak_s if not trace.peaks or peak_s - trace.peaks[-1] > PEAK_PASSED_S else None


def _marks(stay: Stay | None, trace: Trace | None, newest_peak_s: float | None) -> dict[str, Any]:
    if trace is None or stay is None:
        return {"peaks": [], "spans": [], "notes": []}
    since = trace.newest_s - WINDOW_S
    recent: list[OpenEvent | RespiratoryEvent] = [e for e in trace.closed if e.onset_s + e.duration_s >= since]
    spans = [
        [e.id, e.kind.value, round(e.onset_s, 2), None if isinstance(e, OpenEvent) else round(end_s(e), 2)]
        for e in one_of_each([*recent, *trace.open.values()])
    ]
    peaks = [round(p, 2) for p in list(trace.peaks)[-PEAKS_SHOWN:]]
    notes = [
        [mark.onset_s, mark.text]
        for mark in stay.marks
        if mark.recording_id == trace.recording_id and mark.onset_s is not None and mark.onset_s >= since
    ]
    return {"peaks": peaks if newest_peak_s is None else [*peaks, newest_peak_s], "spans": spans, "notes": notes}


def _events(stay: Stay | None) -> list[dict[str, Any]]:
    if stay is None:
        return []
    rows: list[dict[str, Any]] = []
    for trace in stay.traces.values():
        start = trace.spec.start_time
        # Of a pause that both rules found one is left: twice as many are enough.
        known: list[OpenEvent | RespiratoryEvent] = [*list(trace.closed)[-2 * EVENTS_SHOWN :], *trace.open.values()]
        for e in one_of_each(known):
            lasts = isinstance(e, OpenEvent)
            seconds = trace.newest_s - e.onset_s if isinstance(e, OpenEvent) else e.duration_s
            rows.append(event_row(start + e.onset_s, e.kind, f"{int(seconds)} s", in_progress=lasts))
    for c in stay.commands.newest:
        if c.state == "applied" and c.applied_at is not None:
            change = f"{c.pressure_cmh2o}" if c.previous_cmh2o is None else f"{c.previous_cmh2o} → {c.pressure_cmh2o}"
            rows.append(
                {
                    "time": round(c.applied_at, 1),
                    "kind": "pressure",
                    "text": f"Pressure {change}",
                    "detail": c.commanded_by,
                    "in_progress": False,
                }
            )
    rows += [
        {"time": mark.time, "kind": "mark", "text": mark.text, "detail": mark.by, "in_progress": False}
        for mark in stay.marks
    ]
    rows.sort(key=lambda row: row["time"], reverse=True)
    return rows[:EVENTS_SHOWN]


def event_row(time: float, kind: EventKind, detail: str, *, in_progress: bool = False) -> dict[str, Any]:
    text = EVENT_NAMES[kind] + (", in progress" if in_progress else "")
    return {"time": round(time, 1), "kind": kind.value, "text": text, "detail": detail, "in_progress": in_progress}


def _night(stay: Stay | None, traces: list[Trace]) -> dict[str, Any]:
    merged: dict[str, list[Any]] = {"minutes": [], "pressure": [], "rate": [], "leak": [], "events": []}
    newest = max((t.night.minutes[-1] for t in traces if t.night.minutes), default=0.0)
    for trace in traces:
        if trace.night.minutes and trace.night.minutes[-1] < newest - NIGHT_S:
            continue
        for key, series in trace.night.as_dict().items():
            merged[key] += series
        start = trace.spec.start_time
        events = one_of_each(trace.closed)
        merged["events"] += [[round(start + e.onset_s, 1), e.kind.value, round(e.duration_s, 1)] for e in events]
    merged["marks"] = [[mark.time, mark.text] for mark in stay.marks] if stay is not None else []
    return merged
