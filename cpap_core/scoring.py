"""What scoring makes of a recording: events, AHI, large leak, and what of it cannot be trusted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .rules import BREATHS_IN_MEANS, LARGE_LEAK_LPM, LARGE_LEAK_S
from .types import Breath, EventKind, RespiratoryEvent

LABEL = "flow-only"
"""Without oximetry and EEG no hypopnea can be established, so all that is scored bears this label (CLINICAL)."""

INVERTED = "flow looks inverted: breathing in must be positive; check the sign of the channel"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a recording; times in s since the first sample."""

    onset_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Scoring:
    """Scored events of a recording, by flow reduction alone.

    Attributes
    ----------
    preset : str
        By which rule of `rules.PRESETS`, or `custom`.
    events : tuple of RespiratoryEvent
        Apneas and hypopneas; times in s since the first sample. `apnea` is one of unclassified type.
    large_leaks : tuple of Span
        Leak above 24 L/min for more than 20 s: events in it are uncertain.
    usable_s : float
        Time with signal, in s.
    inverted_s : float
        Time of breaths at whose end flow looked as if it had the wrong sign, in s.
    """

    preset: str
    events: tuple[RespiratoryEvent, ...]
    large_leaks: tuple[Span, ...]
    usable_s: float
    inverted_s: float

    @property
    def ahi_per_h(self) -> float | None:
        """Apneas and hypopneas per monitored hour of usable signal; None without any."""
        return len(self.events) / self.usable_s * 3600 if self.usable_s > 0 else None

    def count(self, kind: EventKind) -> int:
        """How many events are of a kind."""
        return sum(event.kind is kind for event in self.events)

    def is_uncertain(self, event: RespiratoryEvent) -> bool:
        """Whether an event touches a large leak."""
        end_s = event.onset_s + event.duration_s
        return any(leak.onset_s < end_s and event.onset_s < leak.onset_s + leak.duration_s for leak in self.large_leaks)

    def as_dict(self, on_clock: Callable[[float], float]) -> dict[str, Any]:
        """All of it for strict JSON; `on_clock` brings a time since the first sample to the recording's own clock."""
        return {
            "preset": self.preset,
            "label": LABEL,
            "ahi_per_h": None if self.ahi_per_h is None else round(self.ahi_per_h, 6),
            "usable_s": round(self.usable_s, 6),
            "events": [
                {
                    "kind": event.kind.value,
                    "onset": on_clock(event.onset_s),
                    "duration": round(event.duration_s, 6),
                    "uncertain": self.is_uncertain(event),
                }
                for event in self.events
            ],
            "large_leaks": [
                {"onset": on_clock(leak.onset_s), "duration": round(leak.duration_s, 6)} for leak in self.large_leaks
            ],
            "inverted_s": round(self.inverted_s, 6),
        }


class LeakWatch:
    """Finds stretches of large leak, breath by breath, with little memory."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, float]] = deque(maxlen=BREATHS_IN_MEANS)
        self._since: float | None = None
        self._until = 0.0
        self._found: list[Span] = []

    def take(self, breaths: Iterable[Breath]) -> None:
        """Take the next breaths; the leak is the mean flow over the last five of them."""
        for breath in breaths:
            if breath.leak_lpm is None:
                continue
            length_s = breath.inspiratory_time_s + breath.expiratory_time_s
            self._recent.append((breath.leak_lpm * length_s, length_s))
            seconds = sum(length for _, length in self._recent)
            if seconds > 0 and sum(litres for litres, _ in self._recent) / seconds > LARGE_LEAK_LPM:
                self._since = breath.onset_s if self._since is None else self._since
                self._until = breath.onset_s + length_s
            else:
                self._end()

    def finish(self) -> tuple[Span, ...]:
        """End what lasts, and give all that was found."""
        self._end()
        return tuple(self._found)

    def _end(self) -> None:
        if self._since is not None and self._until - self._since > LARGE_LEAK_S:
            self._found.append(Span(self._since, self._until - self._since))
        self._since = None
