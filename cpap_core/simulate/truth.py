"""What a simulated patient really did, by the mechanics and the drive, to hold a detector against.

All of it is read from the flow into the lung and the drive, without noise, leak or ripple, by CLINICAL.md. A breath is
one effort's inspiration whose peak flow and volume are both a tenth or more of the reference: less is what an apnea
leaves ("down by 90 % or more"), such as the probe shakes through an almost closed airway. The reference is the median
of the last two minutes' stable breaths. 10 s or longer without a breath are an apnea, with less than 70 % of the
reference a hypopnea.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import fmean, median

from cpap_core.types import Breath, EventKind

APNEA_SHARE = 0.1
HYPOPNEA_SHARE = 0.7
SHORTEST_EVENT_S, SHORTEST_NOTED_S = 10.0, 7.0
REFERENCE_S = 120.0
FEWEST_REFERRED = 8
"""The reference goes further back than two minutes where events left fewer stable breaths than this: a sigh among a few
would be half of it."""

EFFORT_SHARE = 0.5
"""An apnea with effort in more than this share of its time is obstructive."""


@dataclass(frozen=True, slots=True)
class TrueEvent:
    """An apnea or hypopnea; times in s since the first sample.

    Attributes
    ----------
    kind : EventKind
        Obstructive or central apnea, or hypopnea.
    onset_s, duration_s : float
        From where its first inspiration is due or attempted to the onset of the first that is more.
    reduction : float
        By which share of the reference breathing is down, on average over the event.
    cause : str
        `airway` or `drive`.
    """

    kind: EventKind
    onset_s: float
    duration_s: float
    reduction: float = 1.0
    cause: str = "airway"


@dataclass(frozen=True, slots=True)
class LeakEpisode:
    """A stretch of mask leak; times in s, `leak_lpm` is its leak at 10 cmH2O."""

    onset_s: float
    duration_s: float
    leak_lpm: float


@dataclass(frozen=True, slots=True)
class Truth:
    """All that is complete so far, in order; times in s since the first sample.

    `shares` tells for each breath how large it is against the reference, by peak flow or by volume, whichever is less.
    `doubtful` holds what a detector may say and need not: what would be an event but lasted only 7 to 10 s, where one
    that takes its edges a little wider is not wrong, and reduced breathing next to an apnea, which AASM makes one event
    with it.
    """

    breaths: list[Breath] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    events: list[TrueEvent] = field(default_factory=list)
    doubtful: list[TrueEvent] = field(default_factory=list)
    leaks: list[LeakEpisode] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Inspiration:
    """What went in during one cycle of the drive."""

    onset_s: float
    peak_s: float
    end_s: float
    volume_ml: float
    peak_lpm: float


@dataclass(frozen=True, slots=True)
class CycleDone:
    """One cycle of the drive as it went: `effort` relative to quiet breathing, 0 without drive.

    `stable` says whether it belongs to the breathing that events are compared with.
    """

    start_s: float
    effort: float
    inspiration: Inspiration | None
    stable: bool


@dataclass(frozen=True, slots=True)
class _Reduced:
    """A cycle of less than usual, and where it ends."""

    start_s: float
    end_s: float
    share: float
    effort: float


class Scribe:
    """Writes the truth from the cycles, one after the other.

    Parameters
    ----------
    truth : Truth
        What is written into.
    quiet_peak_lpm, quiet_volume_ml : float
        Of quiet breathing, the first reference.
    """

    def __init__(self, truth: Truth, quiet_peak_lpm: float, quiet_volume_ml: float) -> None:
        self.truth = truth
        self._stable: deque[Inspiration] = deque()
        self._reference_lpm, self._reference_ml = quiet_peak_lpm, quiet_volume_ml
        self._breath: tuple[Inspiration, float] | None = None
        self._run: list[_Reduced] = []

    def write(self, cycle: CycleDone, end_s: float) -> None:
        """Take the cycle that ended at `end_s`."""
        inspiration = cycle.inspiration if cycle.effort > 0 else None
        share, start_s = 0.0, cycle.start_s
        if inspiration is not None:
            share = min(inspiration.peak_lpm / self._reference_lpm, inspiration.volume_ml / self._reference_ml)
        if inspiration is not None and share >= APNEA_SHARE:
            start_s = inspiration.onset_s
            self._next_breath(inspiration, share)
            if cycle.stable:
                self._refer(inspiration)
        if self._run and _class(share) != _class(self._run[-1].share):
            # A breath begins where its flow does, which is where the pause before it ends.
            last = self._run[-1]
            self._run[-1] = _Reduced(last.start_s, start_s, last.share, last.effort)
        elif self._run:
            start_s = self._run[-1].end_s
        if share < HYPOPNEA_SHARE:
            self._run.append(_Reduced(start_s, end_s, share, cycle.effort))
            return
        self._close_run()

    def _refer(self, inspiration: Inspiration) -> None:
        stable = self._stable
        stable.append(inspiration)
        while len(stable) > FEWEST_REFERRED and stable[0].peak_s < inspiration.peak_s - REFERENCE_S:
            stable.popleft()
        self._reference_lpm = median(one.peak_lpm for one in stable)
        self._reference_ml = median(one.volume_ml for one in stable)

    def _next_breath(self, inspiration: Inspiration, share: float) -> None:
        """A breath is complete when the next one begins."""
        if self._breath is not None:
            breath, breath_share = self._breath
            self.truth.shares.append(breath_share)
            self.truth.breaths.append(
                Breath(
                    onset_s=breath.onset_s,
                    peak_s=breath.peak_s,
                    inspiratory_time_s=breath.end_s - breath.onset_s,
                    expiratory_time_s=inspiration.onset_s - breath.end_s,
                    tidal_volume_ml=breath.volume_ml,
                    peak_flow_lpm=breath.peak_lpm,
                )
            )
        self._breath = inspiration, share

    def _close_run(self) -> None:
        """Name the events in a run of reduced cycles that has ended."""
        run, self._run = self._run, []
        if not run or _lasts_s(run) < SHORTEST_NOTED_S:
            return
        stretches: list[list[_Reduced]] = []
        for cycle in run:
            if stretches and _class(stretches[-1][-1].share) == _class(cycle.share):
                stretches[-1].append(cycle)
            else:
                stretches.append([cycle])
        long = [part for part in stretches if _lasts_s(part) >= SHORTEST_EVENT_S]
        apneas = [part for part in long if _class(part[0].share) is EventKind.APNEA]
        if not long and _lasts_s(run) >= SHORTEST_EVENT_S:
            # No part is long enough alone, but all of it is less than usual for long enough.
            long = stretches = [run]
        certain = apneas or long
        self.truth.events.extend(_event(part) for part in certain)
        self.truth.doubtful.extend(
            _event(part) for part in stretches if part not in certain and _lasts_s(part) >= SHORTEST_NOTED_S
        )


def _lasts_s(part: list[_Reduced]) -> float:
    return part[-1].end_s - part[0].start_s


def _class(share: float) -> EventKind | None:
    """What a cycle of this share of the reference may belong to."""
    if share < APNEA_SHARE:
        return EventKind.APNEA
    return EventKind.HYPOPNEA if share < HYPOPNEA_SHARE else None


def _event(part: list[_Reduced]) -> TrueEvent:
    durations = [cycle.end_s - cycle.start_s for cycle in part]
    whole_s = _lasts_s(part)
    reduction = 1 - sum(cycle.share * lasts for cycle, lasts in zip(part, durations, strict=True)) / whole_s
    if any(_class(cycle.share) is EventKind.HYPOPNEA for cycle in part):
        by_drive = fmean(cycle.effort for cycle in part) < HYPOPNEA_SHARE
        kind = EventKind.HYPOPNEA
    else:
        with_effort = sum(lasts for cycle, lasts in zip(part, durations, strict=True) if cycle.effort > 0)
        by_drive = with_effort <= EFFORT_SHARE * whole_s
        kind = EventKind.CENTRAL_APNEA if by_drive else EventKind.OBSTRUCTIVE_APNEA
    return TrueEvent(kind, part[0].start_s, whole_s, reduction, "drive" if by_drive else "airway")
