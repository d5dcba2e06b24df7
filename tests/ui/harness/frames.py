"""Frames in the pages' format for invented rooms, well, ill, silent, empty or hostile; no ward behind them."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from monitor_app.push.packing import pack, unpack

WINDOW_S = 30.0
NAMES = [
    *("Abara, Joy", "Brandt, Karl", "Castillo, Maria", "Dimitrov, Petar", "Eriksen, Liv", "Fontaine, Amélie"),
    *("Garber, Samuel", "Hoshino, Takumi", "Ivanova, Nadja", "Jansen, Ruud", "Kowalski, Beata", "Lindqvist, Elsa"),
    *("Moreau, Camille", "Nakamura, Yuki", "Weiß, Theo", "Okafor, Dele"),
]
COMMANDED_STEPS_S = (0.4, 0.8)


def packed(values: list[int | None]) -> str:
    """Integers as the pages read them; None is a gap."""
    return pack(np.array(values, float), 1)


@dataclass
class FakeRoom:
    """One invented room; `kind` is one of KINDS."""

    number: int
    kind: str
    rate_hz: float
    started: float
    pressure: int = 9
    commands: list[dict[str, Any]] = field(default_factory=list)

    @property
    def phase(self) -> float:
        return (self.number * 0.731) % 1.0

    @property
    def period_s(self) -> float:
        return 3.4 + 1.6 * ((self.number * 0.377) % 1.0)

    def apnea_at(self, t: float) -> float | None:
        """Seconds since the last peak while an apnea lasts, else None."""
        if self.kind != "apnea":
            return None
        into = (t + 17.0 * self.phase) % 70.0
        return into if into < 33.0 else None

    def flow_lpm(self, t: float) -> float:
        if self.kind == "waiting":
            return 0.25 * math.sin(9 * t)
        if self.apnea_at(t) is not None and self.apnea_at(t) > 1.2:  # type: ignore[operator]
            return 0.8 * math.sin(11 * t)
        phase = ((t + self.phase * 7) % self.period_s) / self.period_s
        size = 34 + 7 * math.sin(t / 9 + self.number)
        leak = 26.0 if self.kind == "leak" else 0.0
        if phase < 0.38:
            return leak / 6 + size * math.sin(math.pi * phase / 0.38)
        return leak / 6 - 0.62 * size * math.exp(-5.2 * (phase - 0.42)) * min(1.0, (phase - 0.38) / 0.05)

    def wave(self, now: float, first: int, pressure: bool) -> list[Any] | None:
        if self.kind == "empty":
            return None
        end = now if self.kind != "silent" else min(now, self.started + 1.0)
        last = int((end - self.started + WINDOW_S) * self.rate_hz)
        if last <= first:
            return None
        times = [index / self.rate_hz for index in range(first, last)]
        flow: list[int | None] = [round(10 * self.flow_lpm(t)) for t in times]
        if self.number % 5 == 3:
            flow = [None if 11.0 < t % 40 < 13.0 else value for t, value in zip(times, flow, strict=True)]
        mask = [round(100 * (self.pressure - value / 300 if value is not None else self.pressure)) for value in flow]
        return [self.number, 1, first, end - 0.06, packed(flow), packed(mask) if pressure else ""]

    def state(self, now: float) -> dict[str, Any]:
        t = now - self.started + WINDOW_S
        gap = self.apnea_at(t)
        no_breath = int(gap) if gap is not None and gap >= 10 else None
        silent = self.kind == "silent"
        empty = self.kind == "empty"
        age = now - self.started if silent else 0.06
        conditions: list[dict[str, Any]] = []
        if no_breath is not None:
            priority = "high" if no_breath >= 20 else "medium"
            conditions.append(
                {
                    "priority": priority,
                    "kind": "no_breath",
                    "text": f"No breath {no_breath} s",
                    "since": now - no_breath,
                    "technical": False,
                }
            )
        if self.kind == "leak":
            conditions.append(
                {
                    "priority": "medium",
                    "kind": "large_leak",
                    "text": "Large leak 26 L/min",
                    "since": self.started,
                    "technical": False,
                }
            )
        if silent and age > 5:
            conditions.append(
                {
                    "priority": "medium",
                    "kind": "device_silent",
                    "text": "Device silent",
                    "since": self.started,
                    "technical": True,
                }
            )
        if self.kind == "faulted":
            conditions.append(
                {
                    "priority": "medium",
                    "kind": "faulted",
                    "text": "Room faulted: its detector stopped",
                    "since": now,
                    "technical": True,
                }
            )
        name = {
            "hostile": "<img src=x onerror=\"document.title='owned'\"><b>Bobby</b>",
            "long": "Wolfeschlegelsteinhausenbergerdorff, Hubert Blaine Maximilian Alexander",
            "unidentified": None,
            "empty": None,
        }.get(self.kind, NAMES[self.number % len(NAMES)])
        known = gap is None or gap < 10
        return {
            "room": self.number,
            "state": "empty"
            if empty
            else "faulted"
            if self.kind == "faulted"
            else "silent"
            if silent and age > 5
            else "live",
            "mrn": 204000 + 37 * self.number if name else None,
            "patient_name": name,
            "identified": name is not None,
            "stay_started": None if empty else self.started - 4.9 * 3600,
            "pressure_cmh2o": None if empty else self.pressure,
            "measured_pressure_cmh2o": None if empty else self.pressure + 0.1 * math.sin(t),
            "respiratory_rate_per_min": round(60 / self.period_s, 1) if known and self.kind != "waiting" else None,
            "tidal_volume_ml": 420 + self.number % 17 * 8 if known and self.kind != "waiting" else None,
            "minute_ventilation_lpm": 6.6 if known and self.kind != "waiting" else None,
            "leak_lpm": 26 if self.kind == "leak" else self.number % 9,
            "breaths": int(t / self.period_s) + 4000,
            "apnea_count": 12,
            "apnea_count_last_hour": 3 if self.kind == "apnea" else self.number % 2,
            "total_apnea_count": 3 + self.number % 6,
            "armed": self.kind != "waiting",
            "no_breath_s": no_breath,
            "last_breath_time": now - (gap or t % self.period_s),
            "newest_sample_time": None if empty else now - age,
            "trace_epoch": 1,
            "display_rate_hz": self.rate_hz,
            "problem": "The device's hello was refused: unknown unit of flow 'gallons'"
            if self.kind == "problem"
            else None,
            "conditions": conditions,
        }

    def detail(self, now: float) -> dict[str, Any]:
        t = now - self.started + WINDOW_S
        peaks: list[float] = []
        spans: list[list[Any]] = []
        second = max(0.0, t - WINDOW_S - 5)
        while second < t:
            phase = ((second + self.phase * 7) % self.period_s) / self.period_s
            near = abs(phase - 0.19) * self.period_s < 0.02
            fresh = not peaks or second - peaks[-1] > 1
            if near and fresh and (self.apnea_at(second) or 0) <= 1.2:
                peaks.append(second)
            second += 0.02
        gap = self.apnea_at(t)
        if gap is not None and gap >= 10:
            spans.append([7, "breath_gap", t - gap + 1.0, None])
        elif self.kind == "apnea" and (t + 17 * self.phase) % 70 < 70:
            into = (t + 17 * self.phase) % 70
            spans.append([7, "breath_gap", t - into + 1.0, t - into + 33.4])
        begun = now - 4.9 * 3600
        minutes = [begun + 60 * i for i in range(294)]
        levels = [4, 5, 6, 7, 7, 8, 8, 9, 9, 9, 9]
        events = [
            {
                "time": now - 300 * i - 40,
                "kind": "apnea",
                "text": "Apnea",
                "detail": f"{11 + i} s",
                "in_progress": False,
            }
            for i in range(12)
        ]
        events[3] = {
            "time": now - 960,
            "kind": "pressure",
            "text": "Pressure 9 → 11",
            "detail": "A. Reyes",
            "in_progress": False,
        }
        if gap is not None and gap >= 10:
            events.insert(
                0, {"time": now - gap, "kind": "apnea", "text": "Apnea", "detail": f"{int(gap)} s", "in_progress": True}
            )
        return {
            "max_pressure_cmh2o": 20,
            "device": "Simulated CPAP",
            "commands": [dict(command) for command in reversed(self.commands)],
            "marks": {"peaks": peaks, "spans": spans},
            "events": events,
            "night": {
                "minutes": minutes,
                "pressure": [levels[i * len(levels) // len(minutes)] for i in range(len(minutes))],
                "rate": [
                    None if 100 < i < 112 else 14 + 1.5 * math.sin(i / 7) + math.sin(i * 1.7)
                    for i in range(len(minutes))
                ],
                "leak": [4 + 3 * math.sin(i / 40) + (20 if 200 < i < 206 else 0) for i in range(len(minutes))],
                "events": [[begun + 60 * m, "breath_gap", 14.0] for m in (34, 41, 55, 66, 72, 121, 240, 258, 270, 288)],
            },
        }

    def command(self, request: dict[str, Any], now: float) -> None:
        command = {
            "command_id": request["request_id"],
            "pressure_cmh2o": request["pressure_cmh2o"],
            "previous_cmh2o": self.pressure,
        }
        command |= {"state": "commanded", "by": "A. Reyes", "commanded_at": now, "reason": request["reason"]}
        self.commands.append(command | {"delivered_at": None, "applied_at": None, "refused_at": None})

    def answer_commands(self, now: float) -> None:
        """Applied within a second; 13 is refused, 14 is never delivered, 15 is never confirmed."""
        for command in self.commands:
            waited, wanted = now - command["commanded_at"], command["pressure_cmh2o"]
            if command["state"] == "commanded" and waited > COMMANDED_STEPS_S[0] and wanted != 14:
                command |= {"state": "delivered", "delivered_at": now}
            if command["state"] == "delivered" and waited > COMMANDED_STEPS_S[1] and wanted not in (14, 15):
                if wanted == 13:
                    command |= {"state": "refused", "refused_at": now, "reason": "the blower is too warm"}
                else:
                    command |= {"state": "applied", "applied_at": now}
                    self.pressure = wanted


KINDS = (
    "live",
    "live",
    "live",
    "apnea",
    "live",
    "unidentified",
    "leak",
    "live",
    "live",
    "waiting",
    "silent",
    "long",
    "problem",
    "hostile",
    "empty",
    "live",
)


def make_rooms(count: int, rate_hz: float = 25.0) -> list[FakeRoom]:
    now = time.time()
    return [FakeRoom(101 + i, KINDS[i % 16], rate_hz, now, pressure=7 + i % 7) for i in range(count)]


class FrameMaker:
    """What one session is sent; it keeps the cursor of each room."""

    def __init__(self, rooms: list[FakeRoom], *, room: int | None = None, lab_name: str = "Sleep Lab North") -> None:
        self.rooms = [each for each in rooms if room is None or each.number == room]
        self.room = room
        self.lab_name = lab_name
        self.pulse = 0
        self.cursors: dict[int, int] = {}
        self.sent: dict[int, dict[str, Any]] = {}

    def frame(self, kind: str) -> dict[str, list[Any]]:
        now = time.time()
        waves, states = [], []
        for room in self.rooms:
            room.answer_commands(now)
            begin = max(0, int((now - room.started) * room.rate_hz))
            wave = room.wave(now, begin if kind == "snapshot" else self.cursors[room.number], self.room is not None)
            self.cursors[room.number] = begin if kind == "snapshot" else self.cursors[room.number]
            if wave is not None:
                waves.append(wave)
                self.cursors[room.number] = wave[2] + len(unpack(wave[4]))
            state = room.state(now) | (room.detail(now) if self.room is not None else {})
            before = self.sent.get(room.number, {}) if kind == "delta" else {}
            # As the ward does: samples' time travels with the waves, seconds of the detail with each push.
            changed = {
                key: value
                for key, value in state.items()
                if before.get(key, ...) != value and key not in ("newest_sample_time",)
            }
            if kind == "snapshot":
                changed["newest_sample_time"] = state["newest_sample_time"]
            self.sent[room.number] = state
            if changed:
                states.append({"room": room.number} | changed)
        self.pulse += 1
        newest = max((wave[3] for wave in waves), default=None)
        site = (
            {"lab_name": self.lab_name, "time_zone": "Europe/Berlin", "open_access": True}
            if kind == "snapshot"
            else None
        )
        frame = {"kind": kind, "pulse": self.pulse, "server_time": now, "newest_sample_time": newest}
        frame |= {"waves": waves, "rooms": states, "removed": [], "site": site}
        return {name: [value] for name, value in frame.items()}
