"""How far what was found agrees with the device: rate, volumes, apneas, delays.

Times are those of the breaths themselves, not of their confirmation: the device's numbers are held beside ours at the
same moment of the recording. The device is no gold standard, so all of this is agreement, not truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.detector.nights import DeviceNumbers, ScoredPart
from benchmarks.detector.subject import Found
from benchmarks.matching import Interval, paired, shared_s
from cpap_core import EventKind

Values = NDArray[np.float64]
NO_VALUES = partial(np.empty, 0)

BREATHS = 5
"""The device's rate is 60 / mean of the last five breath intervals, held; its volumes are of five breaths too."""

APNEA_TOLERANCE_S = 10.0
"""A device rounds durations to seconds, and stamps an apnea where it became sure of its end; an apnea's own shortest
length is what the interval may miss. How many pairs need it is printed beside the hits."""

GAP_S = 10.0
"""Shortest pause from breath to breath that stands for an apnea of a peer."""

MINUTE_S = 60.0
FEWEST_IN_MINUTE = 15
CALM_SPREAD_PER_MIN = 2.0
"""A minute in which the device's own rate varies by no more is calm ..."""

LARGE_LEAK_LPM = 24.0
"""... when its leak stays below this."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The comparison of some parts; arrays are joined, counts added.

    Attributes
    ----------
    rate, calm : array
        Errors of the rate per min, every 2 s, and of the medians of calm minutes, quantised as the device does.
    volume, ventilation : array
        Relative errors.
    moments : int
        How often the device had a rate.
    hours : float
        Length in h.
    scored, hits, strict, found : int
        Apneas of the device; those hit; those hit whose interval overlaps without the tolerance; detections made.
    known, right : int
        Hits whose kind the detector tells, and tells as the device does.
    delays : array
        From the device's onset of a hit to the moment at which the detector tells of it, in s.
    certain : array
        From each breath's onset to its confirmation, in s.
    """

    rate: Values = field(default_factory=NO_VALUES)
    calm: Values = field(default_factory=NO_VALUES)
    volume: Values = field(default_factory=NO_VALUES)
    ventilation: Values = field(default_factory=NO_VALUES)
    moments: int = 0
    hours: float = 0.0
    scored: int = 0
    hits: int = 0
    strict: int = 0
    found: int = 0
    known: int = 0
    right: int = 0
    delays: Values = field(default_factory=NO_VALUES)
    certain: Values = field(default_factory=NO_VALUES)

    @property
    def rate_error(self) -> float:
        """Mean absolute error of the rate per min, every 2 s."""
        return _mean(np.abs(self.rate))

    @property
    def calm_error(self) -> float:
        """Mean absolute error of the quantised rate per min over calm minutes."""
        return _mean(np.abs(self.calm))

    @property
    def calm_within_1(self) -> float:
        """Share of calm minutes in which the rate is within 1 per min, in %."""
        return 100 * _mean(np.abs(self.calm) <= 1)

    @property
    def volume_error(self) -> float:
        """Median relative error of tidal volume, in %."""
        return 100 * _median(np.abs(self.volume))

    @property
    def ventilation_error(self) -> float:
        """Median relative error of minute ventilation, in %."""
        return 100 * _median(np.abs(self.ventilation))


def joined(parts: Iterable[Agreement]) -> Agreement:
    """Several comparisons as one."""
    all_parts = list(parts)
    together = {}
    for each in fields(Agreement):
        values = [getattr(part, each.name) for part in all_parts]
        together[each.name] = np.concatenate([np.empty(0), *values]) if each.type == "Values" else sum(values)
    return Agreement(**together)


def agreement(part: ScoredPart, found: Found, gain: float = 1.0) -> Agreement:
    """Compare one part; volumes are divided by the gain with which its flow was multiplied."""
    errors: dict[str, Values | int] = {}
    if part.numbers is not None:
        rate = rates_per_min(found.onsets_s, part.numbers.times_s)
        volume = _volumes_ml(found, part.numbers.times_s) / gain
        errors = _number_errors(part.numbers, rate, volume)
    matched = [(found.apneas[at], part.apneas[event]) for at, event in apnea_pairs(part, found)]
    told = [(ours, scored) for ours, scored in matched if ours.kind in KNOWN]
    return Agreement(
        **errors,
        hours=part.hours,
        scored=len(part.apneas),
        hits=len(matched),
        strict=sum(shared_s(ours.interval, scored.interval) >= 0 for ours, scored in matched),
        found=len(found.apneas),
        known=len(told),
        right=sum(ours.kind is scored.kind for ours, scored in told),
        delays=np.array([ours.detected_at_s - scored.onset_s for ours, scored in matched]),
        certain=found.confirmed_s - found.onsets_s,
    )


KNOWN = (EventKind.OBSTRUCTIVE_APNEA, EventKind.CENTRAL_APNEA)


def apnea_pairs(part: ScoredPart, found: Found) -> list[tuple[int, int]]:
    """Which detection hits which of the device's apneas."""
    return paired([each.interval for each in found.apneas], _scored(part), APNEA_TOLERANCE_S)


def breath_agreement(part: ScoredPart, breaths_s: Values) -> Agreement:
    """Compare those who give nothing but the times of breaths: the rate, and for apneas their gaps of over 10 s."""
    long = np.flatnonzero(np.diff(breaths_s) > GAP_S)
    gaps = [(float(breaths_s[at]), float(breaths_s[at + 1])) for at in long]
    errors: dict[str, Values | int] = {}
    if part.numbers is not None:
        rate = rates_per_min(breaths_s, part.numbers.times_s)
        errors = _number_errors(part.numbers, rate, np.full_like(rate, np.nan))
    return replace(event_agreement(part, gaps), **errors)


def event_agreement(part: ScoredPart, apneas: Sequence[Interval]) -> Agreement:
    """Compare those who give nothing but apneas, each from its onset to its end in s."""
    hits = len(paired(apneas, _scored(part), APNEA_TOLERANCE_S))
    return Agreement(hours=part.hours, scored=len(part.apneas), hits=hits, found=len(apneas))


def _scored(part: ScoredPart) -> list[Interval]:
    return [each.interval for each in part.apneas]


def rates_per_min(breaths_s: Values, times_s: Values) -> Values:
    """60 / mean of the last five intervals at given times, held; NaN before the sixth breath."""
    rates = np.full(len(times_s), np.nan)
    if len(breaths_s) > BREATHS:
        intervals = breaths_s[BREATHS:] - breaths_s[:-BREATHS]
        latest = np.searchsorted(breaths_s[BREATHS:], times_s, "right") - 1
        rates[latest >= 0] = 60 * BREATHS / intervals[latest[latest >= 0]]
    return rates


def _volumes_ml(found: Found, times_s: Values) -> Values:
    """Mean volume of the last five complete breaths at given times, held; NaN before there are five."""
    volumes = np.full(len(times_s), np.nan)
    if len(found.onsets_s) > BREATHS:
        means = np.convolve(found.volumes_ml, np.ones(BREATHS) / BREATHS, "valid")[:-1]
        latest = np.searchsorted(found.onsets_s[BREATHS:], times_s, "right") - 1
        volumes[latest >= 0] = means[latest[latest >= 0]]
    return volumes


def _number_errors(device: DeviceNumbers, rate: Values, volume: Values) -> dict[str, Values | int]:
    """Errors where the device and the detector both have a number."""
    has_rate = device.rate_per_min > 0
    both = has_rate & np.isfinite(rate)
    with_volume = both & np.isfinite(volume) & (device.tidal_volume_ml > 0)
    ventilation = volume[with_volume] * rate[with_volume] / 1000
    return {
        "rate": rate[both] - device.rate_per_min[both],
        "calm": np.array(list(_calm_errors(device, device.quantised(rate), both))),
        "volume": volume[with_volume] / device.tidal_volume_ml[with_volume] - 1,
        "ventilation": ventilation / np.maximum(device.ventilation_lpm[with_volume], 0.1) - 1,
        "moments": int(has_rate.sum()),
    }


def _calm_errors(device: DeviceNumbers, quantised: Values, both: NDArray[np.bool_]) -> Iterable[float]:
    """For each calm minute, but the first and the last, the difference of both medians."""
    if not len(device.times_s):
        return
    for begun in np.arange(MINUTE_S, device.times_s[-1] - MINUTE_S, MINUTE_S):
        minute = both & (device.times_s >= begun) & (device.times_s < begun + MINUTE_S)
        if minute.sum() < FEWEST_IN_MINUTE:
            continue
        theirs = device.rate_per_min[minute]
        if np.ptp(theirs) <= CALM_SPREAD_PER_MIN and device.leak_lpm[minute].max() <= LARGE_LEAK_LPM:
            yield float(np.median(quantised[minute]) - np.median(theirs))


def _mean(values: Values | NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _median(values: Values) -> float:
    return float(np.median(values)) if len(values) else float("nan")
