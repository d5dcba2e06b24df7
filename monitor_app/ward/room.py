"""One room: its stay, its traces, its commands, and what every page shows of it."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from cpap_core.types import Samples, Vitals

from .conditions import ConditionWatch, no_breath_s, state_by_age
from .detail import Detail
from .stay import Stay
from .trace import Found, Trace

log = logging.getLogger(__name__)

LAST_HOUR_S = 3600.0
SUMMARY_KEYS = (
    *("room", "mrn", "patient_name", "pressure_cmh2o", "respiratory_rate_per_min", "state", "newest_sample_time"),
    *("breaths", "apnea_count", "apnea_count_last_hour", "total_apnea_count", "samples_received"),
)
"""What `GET /api/v1/rooms` gives of each room."""
_NOTHING = object()


class Moment(NamedTuple):
    """Now, by two clocks: ages are taken by the one that never steps."""

    epoch: float
    monotonic: float


class Room:
    """The live state of one room. Everything here runs on the event loop."""

    def __init__(self, number: int, detail: Detail | None = None) -> None:
        self.number = number
        self.stay: Stay | None = None
        self.trace: Trace | None = None
        self.newest_sample_time: float | None = None
        self.newest_sample_at: float | None = None
        self.last_heard_at: float | None = None
        self.problem: str | None = None
        self.is_unshowable = False
        self.watch = ConditionWatch()
        self._detail = detail or Detail()
        self.values: dict[str, Any] = {}
        self.versions: dict[str, int] = {}

    def begin_stay(self, stay: Stay | None) -> None:
        """Put another stay, or none, in the room; nothing of the previous patient remains (F21)."""
        self.stay = stay
        self.trace = None
        self.newest_sample_time = self.newest_sample_at = None
        self.problem = None
        self.is_unshowable = False
        self.watch = ConditionWatch()

    def take_over(self, trace: Trace) -> None:
        """Make a recording of this stay the room's own; the one before it rests."""
        if self.trace is trace:
            return
        if self.trace is not None:
            self.trace.rest()
        trace.resume()
        self.trace = trace

    def feed(self, trace: Trace, first_sample: int, flow: Samples, pressure: Samples | None, at: Moment) -> list[Found]:
        """Let the detector see new samples; one that fails faults this room and no other."""
        self.take_over(trace)
        before = trace.detected_next
        found = trace.feed(first_sample, flow, pressure)
        if trace.detected_next > before:
            self.newest_sample_time = trace.last_received_at = at.epoch
            self.newest_sample_at = at.monotonic
            vitals = trace.vitals()
            self.watch.note_leak(trace.newest_s, vitals.leak_lpm if vitals else None)
        self.problem = None
        return found

    @property
    def fault(self) -> str | None:
        """What of the server's own is wrong with this room, in words."""
        if self.is_unshowable:
            return "The server fails on this room: nothing is shown. Samples are still stored"
        failed = self.trace is not None and self.trace.failed
        return "Detector failed: no numbers. Samples are still stored" if failed else None

    def fail_to_show(self) -> None:
        """Note an error on the way to the pages; the other rooms go on, and this one says so until its stay ends."""
        if not self.is_unshowable:
            log.exception("Room %s cannot be shown", self.number)
        self.is_unshowable = True

    def state(self, now: Moment) -> str:
        """`live`, `stale`, `silent`, `faulted` or `empty`, by the contract."""
        if self.stay is None:
            return "empty"
        if self.fault is not None:
            return "faulted"
        age = None if self.newest_sample_at is None else now.monotonic - self.newest_sample_at
        return "silent" if self.trace is not None and self.trace.ended else state_by_age(age)

    def summary(self, now: Moment) -> dict[str, Any]:
        """The room as `GET /api/v1/rooms` lists it."""
        try:
            return self._summary(now)
        except Exception:
            self.fail_to_show()
            return {**dict.fromkeys(SUMMARY_KEYS), "room": self.number, "state": "faulted"}

    def _summary(self, now: Moment) -> dict[str, Any]:
        state = self.state(now)
        vitals = self._vitals() if state == "live" else None
        stay = self.stay
        traces = list(stay.traces.values()) if stay else []
        apneas = sum(t.apnea_count for t in traces) + (stay.past.apneas if stay else 0)
        return {
            "room": self.number,
            "mrn": stay.mrn if stay else None,
            "patient_name": stay.patient_name if stay else None,
            "pressure_cmh2o": stay.pressure_cmh2o if stay else None,
            "respiratory_rate_per_min": _rounded(vitals.respiratory_rate_per_min, 1) if vitals else None,
            "state": state,
            "newest_sample_time": self.newest_sample_time,
            "breaths": stay.past.breaths + sum(t.breath_count for t in traces) if stay else None,
            "apnea_count": apneas if stay else None,
            "apnea_count_last_hour": self._apneas_last_hour(traces) if stay else None,
            "total_apnea_count": stay.earlier_apneas + apneas if stay else None,
            "samples_received": stay.past.samples + sum(t.received for t in traces) if stay else None,
        }

    def publish(self, now: Moment, version: int, *, detail: bool = False) -> None:
        """Bring what pages show up to date; each key that changed gets the version."""
        try:
            view = self._details(now) if detail else self._view(now)
        except Exception:
            self.fail_to_show()
            condition = {"priority": "medium", "kind": "faulted", "text": self.fault, "since": None, "technical": True}
            view = {**dict.fromkeys(self.values), "room": self.number, "state": "faulted", "conditions": [condition]}
        for key, value in view.items():
            known = self.values.get(key, _NOTHING)
            if known is not value and known != value:
                self.values[key] = value
                self.versions[key] = version

    def _details(self, now: Moment) -> dict[str, Any]:
        return self._detail.of(self.stay, self.trace, live=self.state(now) == "live", now=now.epoch)

    def _vitals(self) -> Vitals | None:
        return None if self.trace is None else self.trace.vitals()

    def _apneas_last_hour(self, traces: list[Trace]) -> int:
        if not traces:
            return 0
        current = self.trace or traces[-1]
        since = current.spec.start_time + current.newest_s - LAST_HOUR_S
        return sum(t.apneas_since(since - t.spec.start_time) for t in traces)

    def _view(self, now: Moment) -> dict[str, Any]:
        view = self._summary(now)
        state, trace, stay = view["state"], self.trace, self.stay
        last_known = self._vitals()
        vitals = last_known if state == "live" else None
        # The age of a live room travels with its samples; here the time changes only where the room is not live.
        if state == "live" and "newest_sample_time" in self.values and self.values.get("state") == "live":
            view["newest_sample_time"] = self.values["newest_sample_time"]
        last_peak = trace.peaks[-1] if trace and trace.peaks else None
        del view["samples_received"]
        view.update(
            identified=bool(stay and stay.mrn is not None),
            stay_started=stay.started_at if stay else None,
            measured=_measured(stay),
            measured_pressure_cmh2o=_rounded(vitals.airway_pressure_cmh2o, 1) if vitals else None,
            mask_pressure_cmh2o=_rounded(vitals.airway_pressure_cmh2o, 0) if vitals else None,
            tidal_volume_ml=_rounded(vitals.tidal_volume_ml, 0) if vitals else None,
            minute_ventilation_lpm=_rounded(vitals.minute_ventilation_lpm, 1) if vitals else None,
            leak_lpm=_rounded(vitals.leak_lpm, 0) if vitals else None,
            armed=bool(last_known and last_known.armed),
            no_breath_s=no_breath_s(last_known),
            last_breath_time=round(trace.spec.start_time + last_peak, 1) if trace and last_peak is not None else None,
            trace_epoch=trace.epoch if trace else None,
            problem=self.problem or self._ended_text() or _inverted_text(vitals),
            conditions=self.watch.current(
                now=now.epoch,
                state=state,
                newest_s=trace.newest_s if trace else 0.0,
                last_seen=self.newest_sample_time,
                ended=bool(trace and trace.ended),
                fault=self.fault,
                vitals=last_known,
            ),
        )
        return view

    def _ended_text(self) -> str | None:
        return "The device ended its recording" if self.trace is not None and self.trace.ended else None


def _inverted_text(vitals: Vitals | None) -> str | None:
    """A remark and no alarm, since the patient is well; what is counted and scored meanwhile is doubtful."""
    return "Flow looks inverted: check its sign" if vitals and vitals.flow_is_inverted else None


def _measured(stay: Stay | None) -> dict[str, Any] | None:
    """The patient's newest measurement, as a room without a device shows it (F17, F23)."""
    row = stay.measured if stay is not None else None
    if row is None:
        return None
    return {
        "id": row.id,
        "time": round(row.received_at, 1),
        "pressure_cmh2o": row.pressure_cmh2o,
        "respiratory_rate_per_min": _rounded(row.respiratory_rate_per_min, 2),
        "apnea_count": row.apnea_count,
        "has_picture": row.flow_image is not None,
    }


def _rounded(value: float | None, digits: int) -> float | int | None:
    if value is None:
        return None
    return round(value, digits) if digits else round(value)
