"""What a simulated patient really did, to hold a detector against."""

from __future__ import annotations

from dataclasses import dataclass, field

from cpap_core.types import Breath, EventKind


@dataclass(frozen=True, slots=True)
class TrueEvent:
    """A simulated apnea or hypopnea, from the first reduced breath to the first that recovers; times in s."""

    kind: EventKind
    onset_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class LeakEpisode:
    """A stretch of mask leak; times in s, `leak_lpm` is its leak at 10 cmH2O."""

    onset_s: float
    duration_s: float
    leak_lpm: float


@dataclass(frozen=True, slots=True)
class Truth:
    """All that is complete so far, in order; times in s since the first sample."""

    breaths: list[Breath] = field(default_factory=list)
    events: list[TrueEvent] = field(default_factory=list)
    leaks: list[LeakEpisode] = field(default_factory=list)
