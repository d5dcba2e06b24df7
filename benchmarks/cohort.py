"""Simulated patients of all kinds, one for each seed, and what a detector makes of a night of theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from benchmarks.matching import INSPIRATION_TOLERANCE_S, Interval, paired, unpaired
from cpap_core import RespirationDetector, rules
from cpap_core.rules import DEFAULT_RULES
from cpap_core.simulate import KINDS, SimulatedPatient, TrueEvent, Truth
from cpap_core.types import Breath, DetectorOutput, EventKind, RespiratoryEvent

RATE_HZ = 25.0
PIECE_S = 60
COUNTED_SHARE = 0.25
"""Flow down by 75 % is an apnea by a device's rule, by 90 % by AASM's (CLINICAL.md). What lies between is a breath by
the one and none by the other: it may be found, but need not be."""

EVENT_TOLERANCE_S = 2.0
EDGE_S = 10.0
"""What begins so soon after the start or so soon before the end is not counted: half of it may lie outside."""

COUNTED_GAP_S, NEAR_GAP_S = 10.3, 9.7
"""A gap must be found from the one on, and may be from the other on; the detector's times have steps of 0.08 s."""

COUNTED_APNEA_S = 10.5
REDUCTION = {"device": 0.5, "aasm": 0.3}
"""By how much breathing is down in a hypopnea of each preset's rule (CLINICAL.md)."""

REDUCTION_MARGIN = 0.05
"""A hypopnea must be found from so much more on; what lies around the rule's limit may be either."""

PRESETS = {name: rules.PRESETS[name] for name in REDUCTION} if hasattr(rules, "PRESETS") else {"device": DEFAULT_RULES}
APNEAS = (EventKind.APNEA, EventKind.OBSTRUCTIVE_APNEA, EventKind.CENTRAL_APNEA)
SAID = ("apneas said", "hypopneas said")
KIND_NAMES = tuple(KINDS)


def patient(seed: int, *, clean: bool) -> SimulatedPatient:
    """The patient of a seed: the kinds take turns, and no two are built alike.

    A mixed one is anywhere on the way of a titration: from 2.5 cmH2O below the critical pressure to 2 above it.

    Clean is: no sudden leak and no missing sample. The sensors' noise and steps are those of a device either way.
    """
    chance = np.random.default_rng([seed, 49])
    traits = dict(KINDS[KIND_NAMES[seed % len(KIND_NAMES)]][1]) | {
        "respiratory_rate_per_min": float(chance.uniform(11, 19)),
        "tidal_volume_ml": float(chance.uniform(350, 650)),
        "inspiratory_fraction": float(chance.uniform(0.33, 0.45)),
        "variability": float(chance.uniform(0.04, 0.1)),
        "typical_event_s": float(chance.uniform(14, 28)),
        "heart_rate_per_min": float(chance.uniform(50, 85)),
        "heartbeat_lpm": float(chance.uniform(0.2, 1.5)),
        "leak_lpm": float(chance.uniform(0, 10)),
        "leak_episodes_per_h": 0.0 if clean else 4.0,
        "dropouts_per_h": 0.0 if clean else 4.0,
    }
    if seed % len(KIND_NAMES) == KIND_NAMES.index("mixed"):
        traits["critical_pressure_cmh2o"] = traits["pressure_cmh2o"] + float(chance.uniform(-2.0, 2.5))
    return SimulatedPatient(seed, RATE_HZ, **traits)


@dataclass
class Tally:
    """Hits, missed and false ones, and where those are: seed and second."""

    hits: int = 0
    missed: list[tuple[int, float]] = field(default_factory=list)
    false: list[tuple[int, float]] = field(default_factory=list)

    @property
    def sensitivity(self) -> float:
        """Share of what was true that was found; NaN of nothing."""
        return self._share(len(self.missed))

    @property
    def precision(self) -> float:
        """Share of what was found that was true; NaN of nothing."""
        return self._share(len(self.false))

    def _share(self, others: int) -> float:
        return self.hits / (self.hits + others) if self.hits + others else float("nan")


@dataclass
class Judged:
    """All tallies over a cohort by name, how many hit apneas were called by their kind, breaths found twice."""

    hours: float = 0.0
    tallies: dict[str, Tally] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=lambda: {"right": 0, "wrong": 0, "unclassified": 0})
    twice: int = 0
    confused: list[tuple[int, float]] = field(default_factory=list)

    def tally(self, name: str) -> Tally:
        """The tally of that name."""
        return self.tallies.setdefault(name, Tally())


def heard(seed: int, hours: float, *, clean: bool) -> tuple[Truth, dict[str, DetectorOutput]]:
    """The truth of a seed's night, and all that the detector said of it by each preset."""
    simulated = patient(seed, clean=clean)
    samples = [simulated.samples(int(PIECE_S * RATE_HZ)) for _ in range(round(hours * 3600 / PIECE_S))]
    # A breath is in the truth once it is over, so a minute more is simulated, or what is found in the last half of the
    # last one would count as false.
    simulated.samples(int(PIECE_S * RATE_HZ))
    said = {}
    for name, preset in PRESETS.items():
        detector, all_of = RespirationDetector(RATE_HZ, rules=preset), DetectorOutput()
        for output in (*(detector.update(*piece) for piece in samples), detector.flush()):
            all_of.breaths.extend(output.breaths)
            all_of.events.extend(output.events)
        all_of.events.sort(key=lambda event: event.onset_s)
        said[name] = all_of
    return simulated.truth, said


def judge(judged: Judged, seed: int, hours: float, *, clean: bool) -> None:
    """Add a seed's night to the tallies."""
    truth, said = heard(seed, hours, clean=clean)
    judged.hours += hours
    inside = (EDGE_S, hours * 3600 - EDGE_S)
    _judge_breaths(judged, seed, truth, said["device"], inside)
    _judge_gaps(judged, seed, truth, said["device"], inside)
    for preset, found in said.items():
        _judge_scored(judged, seed, truth, found, inside, preset)


def _judge_breaths(judged: Judged, seed: int, truth: Truth, found: DetectorOutput, inside: Interval) -> None:
    """Breaths, one to one; those that only one of the two rules calls a breath have a tally of their own."""
    said = [(breath.onset_s, breath.onset_s) for breath in found.breaths]
    true = [(breath.onset_s, breath.onset_s + breath.inspiratory_time_s) for breath in truth.breaths]
    pairs = paired(said, true, INSPIRATION_TOLERANCE_S)
    false, missed = unpaired(pairs, len(said), len(true))
    counted, weak = judged.tally("breaths"), judged.tally("weak breaths")
    for _, position in pairs:
        (counted if truth.shares[position] >= COUNTED_SHARE else weak).hits += 1
    for position in missed:
        if _within(*true[position], inside):
            place = (seed, true[position][0])
            (counted if truth.shares[position] >= COUNTED_SHARE else weak).missed.append(place)
    false = [at for at in false if _within(*said[at], inside)]
    counted.false += [(seed, said[at][0]) for at in false]
    judged.twice += len(paired([said[at] for at in false], true, INSPIRATION_TOLERANCE_S))


def _judge_scored(
    judged: Judged, seed: int, truth: Truth, found: DetectorOutput, inside: Interval, preset: str
) -> None:
    """Scored events: an apnea must be found as an apnea, a hypopnea as any event, since a deep one may be called apnea.

    True apneas are paired with the apneas said first, whatever is left with whatever is left, and what is doubtful only
    with what is left then: a detection over both must not leave the certain one missed.
    """
    scored = [event for event in found.events if event.kind is not EventKind.BREATH_GAP]
    certain = len(truth.events)
    may_be = [*truth.events, *truth.doubtful]
    met: dict[int, int] = {}
    for apneas_only, among in ((True, certain), (False, certain), (False, len(may_be))):
        saying = [at for at, e in enumerate(scored) if at not in met.values() and (e.kind in APNEAS or not apneas_only)]
        being = [at for at, e in enumerate(may_be[:among]) if at not in met and (e.kind in APNEAS or not apneas_only)]
        pairs = paired([_span(scored[at]) for at in saying], [_span(may_be[at]) for at in being], EVENT_TOLERANCE_S)
        met |= {being[position]: saying[at] for at, position in pairs}
    for position, event in enumerate(truth.events):
        is_apnea = event.kind in APNEAS
        if not _within(*_span(event), inside) or not _must_be_found(event, preset):
            continue
        tally = judged.tally(f"{preset}: {event.kind.value}" + ("" if is_apnea else f" ({event.cause})"))
        at = met.get(position)
        if at is None or (is_apnea and scored[at].kind not in APNEAS):
            tally.missed.append((seed, event.onset_s))
            continue
        tally.hits += 1
        if is_apnea and preset == "device":
            _judge_kind(judged, seed, event, scored[at].kind)
    for at, said in enumerate(scored):
        tally = judged.tally(f"{preset}: {SAID[said.kind not in APNEAS]}")
        if at in met.values():
            tally.hits += 1
        elif _within(*_span(said), inside):
            tally.false.append((seed, said.onset_s))


def _must_be_found(event: TrueEvent, preset: str) -> bool:
    """Whether an event is one beyond doubt by the preset's rule."""
    if event.kind in APNEAS:
        return event.duration_s >= COUNTED_APNEA_S
    return event.reduction >= REDUCTION[preset] + REDUCTION_MARGIN


def _judge_kind(judged: Judged, seed: int, event: TrueEvent, said: EventKind) -> None:
    outcome = "unclassified" if said is EventKind.APNEA else "right" if said is event.kind else "wrong"
    judged.kinds[outcome] += 1
    if outcome == "wrong":
        judged.confused.append((seed, event.onset_s))


def _span(event: TrueEvent | RespiratoryEvent) -> Interval:
    return event.onset_s, event.onset_s + event.duration_s


def _judge_gaps(judged: Judged, seed: int, truth: Truth, found: DetectorOutput, inside: Interval) -> None:
    """Breath gaps, from peak to peak; where a weak breath lies within, both with and without it is right."""
    certain = [breath for breath, share in zip(truth.breaths, truth.shares, strict=True) if share >= COUNTED_SHARE]
    every, strong = (_gaps(breaths) for breaths in (truth.breaths, certain))
    said = [_span(event) for event in found.events if event.kind is EventKind.BREATH_GAP]
    tally = judged.tally("breath gaps")
    missed = unpaired(paired(said, every, 0.0), len(said), len(every))[1]
    must = [gap for gap in every if gap[1] - gap[0] >= COUNTED_GAP_S]
    lost = [every[at] for at in missed if every[at][1] - every[at][0] >= COUNTED_GAP_S]
    false = unpaired(paired(said, strong, 0.0), len(said), len(strong))[0]
    tally.hits += len(must) - len(lost)
    tally.missed += [(seed, gap[0]) for gap in lost if _within(*gap, inside)]
    tally.false += [(seed, said[at][0]) for at in false if _within(*said[at], inside)]


def _gaps(breaths: list[Breath]) -> list[Interval]:
    """Those between peaks that a detector may say."""
    between = [(one.peak_s, other.peak_s) for one, other in pairwise(breaths)]
    return [gap for gap in between if gap[1] - gap[0] > NEAR_GAP_S]


def _within(begin: float, end: float, inside: Interval) -> bool:
    return inside[0] <= begin and end <= inside[1]
