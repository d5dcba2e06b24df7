"""A recording that is played: a ward of one room, as it was at any moment of the recording.

The room, its trace and its detector are those of the ward, fed from an array instead of a device; its clock is the
recording's own. To go to a moment, all samples before it run through a new detector, so that every number is the one
that the room's page showed, or would have shown, just then: 8 h at 25 Hz take 0.1 s.
"""

from __future__ import annotations

from typing import Any

from cpap_core.shown import one_of_each
from cpap_core.types import Recording, RespiratoryEvent

from .detail import Detail, event_row
from .night import MINUTE_S
from .room import Moment, Room
from .stay import Stay
from .trace import Found, StreamSpec, Trace

LEAD_S = 5.0
"""Going to an event shows so much of what follows its onset..."""
NEAR_S = 1.0
"""... and an event that begins within this of where we are is the one we are at."""
EVENTS_LISTED = 500


class Playback:
    """One recording in one room, at a position.

    Parameters
    ----------
    recording : Recording
        What is played.
    room : int
        The room's number; 0 where it never was in one.
    mrn : int, optional
        Whose recording it is.

    Attributes
    ----------
    version : int
        Grows with each look at the room.
    length_s, position_s : float
        How long the recording is, and up to where it is played.
    is_playing, speed : bool, float
        Whether it moves, and how many times real time.
    events : list of RespiratoryEvent
        All of the recording, by onset.
    whole : dict
        What a view shows of all of it: the night's course and the list of events.
    """

    def __init__(self, recording: Recording, *, room: int = 0, mrn: int | None = None) -> None:
        self.recording, self.number, self.mrn = recording, room, mrn
        self.version = 0
        self.length_s = len(recording.flow_lpm) / recording.sampling_rate_hz
        self.is_playing = False
        self.speed = 1.0
        self._room = Room(room, _Detail(self))
        self._epoch = 0
        channels = [("flow", "L/min"), ("airway_pressure", "cmH2O")]
        self._spec = StreamSpec(
            "playback",
            recording.name,
            recording.sampling_rate_hz,
            tuple(channels[: 1 if recording.airway_pressure_cmh2o is None else 2]),
            recording.start_time,
        )
        self.events: list[RespiratoryEvent] = []
        self.whole: dict[str, Any] = {}
        self.seek(0.0)
        self.whole = self._run_whole()

    @property
    def position_s(self) -> float:
        """Up to where it is played, in s since the first sample."""
        trace = self._room.trace
        return 0.0 if trace is None else trace.newest_s

    # ---- what a feed reads

    def rooms(self) -> list[Room]:
        """The one room."""
        return [self._room]

    def room(self, number: int) -> Room | None:
        """The one room, whatever its number: a view of a recording asks for no other."""
        return self._room

    def refresh(self) -> float:
        """Bring what a view shows up to date; gives the recording's clock."""
        self.version += 1
        self._room.publish(self._moment, self.version)
        return self._moment.epoch

    def refresh_detail(self, room: Room) -> None:
        """Bring the details up to date; events and the night are those of the whole recording."""
        self.version += 1
        room.publish(self._moment, self.version, detail=True)

    # ---- what a person does

    def seek(self, position_s: float) -> None:
        """Go to a moment; beyond either end is the end."""
        self._epoch += 1
        trace = Trace(0, self._spec, self._epoch)
        stay = Stay(0, self.recording.start_time, self.mrn, None)
        stay.traces[self._spec.stream_id] = trace
        self._room.begin_stay(stay)
        self._room.take_over(trace)
        self._room.newest_sample_time, self._room.newest_sample_at = self.recording.start_time, 0.0
        self.advance_to(position_s)

    def advance(self, seconds: float) -> None:
        """Play so much; at the end it stops."""
        self.advance_to(self.position_s + seconds)
        self.is_playing = self.is_playing and self.position_s < self.length_s

    def advance_to(self, position_s: float) -> None:
        """Feed the room up to a moment after the present one."""
        trace = self._room.trace
        assert trace is not None
        first, rate_hz = trace.detected_next, self._spec.sampling_rate_hz
        end = round(max(0.0, min(position_s, self.length_s)) * rate_hz)
        if end <= first:
            return
        pressure = self.recording.airway_pressure_cmh2o
        at = Moment(self.recording.start_time + end / rate_hz, end / rate_hz)
        flow = self.recording.flow_lpm[first:end]
        self._room.feed(trace, first, flow, None if pressure is None else pressure[first:end], at)

    def next_event(self) -> None:
        """Go to the first event that begins after where we are."""
        here = self.position_s - LEAD_S + NEAR_S
        found = next((event for event in self.events if event.onset_s > here), None)
        if found is not None:
            self.seek(found.onset_s + LEAD_S)

    def previous_event(self) -> None:
        """Go to the last event that begins before where we are."""
        here = self.position_s - LEAD_S - NEAR_S
        found = next((event for event in reversed(self.events) if event.onset_s < here), None)
        if found is not None:
            self.seek(found.onset_s + LEAD_S)

    # ---- inside

    @property
    def _moment(self) -> Moment:
        return Moment(self.recording.start_time + self.position_s, self.position_s)

    def as_dict(self) -> dict[str, Any]:
        """Where we are, for the view."""
        return {
            "name": self.recording.name,
            "has_date": self.recording.has_date,
            "start_time": self.recording.start_time,
            "length_s": round(self.length_s, 2),
            "position_s": round(self.position_s, 2),
            "is_playing": self.is_playing,
            "speed": self.speed,
            "events": len(self.events),
        }

    def _run_whole(self) -> dict[str, Any]:
        trace = Trace(0, self._spec, 0)
        flow, pressure = self.recording.flow_lpm, self.recording.airway_pressure_cmh2o
        minute = max(1, round(MINUTE_S * self._spec.sampling_rate_hz))  # the night's course has a point for each
        found: list[Found] = []
        for at in range(0, len(flow), minute):
            piece = slice(at, at + minute)
            found += trace.feed(at, flow[piece], None if pressure is None else pressure[piece])
        found += trace.finish()
        self.events = one_of_each(e for one in found for e in one.output.events)
        start = self.recording.start_time
        night = trace.night.as_dict() | {
            "events": [[round(start + e.onset_s, 1), e.kind.value, round(e.duration_s, 1)] for e in self.events],
            "end": round(start + self.length_s, 1),
        }
        listed = [event_row(start + e.onset_s, e.kind, f"{int(e.duration_s)} s") for e in self.events[:EVENTS_LISTED]]
        return {"night": night, "events": listed}


class _Detail(Detail):
    """A room's details, but the night and the events are those of the whole recording."""

    def __init__(self, playback: Playback) -> None:
        super().__init__()
        self._playback = playback

    def of(self, stay: Stay | None, trace: Trace | None, *, live: bool, now: float) -> dict[str, Any]:
        """All of it, as plain data."""
        playback = self._playback
        return super().of(stay, trace, live=live, now=now) | playback.whole | {"playback": playback.as_dict()}
