"""The streaming detector of breaths and events: the same for live samples, files and stored data."""

from __future__ import annotations

from math import isfinite

import numpy as np
from numpy.typing import ArrayLike

from . import kernels
from .findings import Findings
from .rules import DEFAULT_RULES, MAXIMUM_RATE_HZ, MINIMUM_RATE_HZ, Rules
from .state import new_states
from .types import DetectorOutput, Samples, Vitals

NO_PRESSURE = np.empty(0, np.float32)


class RespirationDetector:
    """Finds breaths, breath gaps and scored events in samples as they come; any chunking gives the same bits.

    The first 8 s of a stretch of signal are kept back to find its baseline and amplitude. Missing signal does not count
    for any clock; 10 s of it end the stretch as `flush` does.

    Parameters
    ----------
    sampling_rate_hz : float
        Samples per second, 1 to 200.
    rules : Rules
        Thresholds; the default is the one setting the product is judged by, `rules.PRESETS` has others.
    first_sample : int
        Index of the first sample that will come, where a recording's beginning is gone; times count from sample 0.
    """

    def __init__(self, sampling_rate_hz: float, *, rules: Rules = DEFAULT_RULES, first_sample: int = 0) -> None:
        rate = checked_rate(sampling_rate_hz)
        self.sampling_rate_hz = rate
        self.rules = rules
        self._states = new_states(1, rate, rules)
        self._states["samples"] = first_sample
        self._rows = np.empty((kernels.ROWS, kernels.COLUMNS))
        self._findings = Findings(rate)

    @property
    def samples_seen(self) -> int:
        """Samples taken so far, missing ones and those before `first_sample` included."""
        return int(self._states[0]["samples"])

    @property
    def breath_count(self) -> int:
        """Confirmed onsets so far."""
        return self._findings.breaths.count

    @property
    def breath_gap_count(self) -> int:
        """Breath gaps so far, the open one included."""
        return self._findings.gaps.count

    @property
    def scored_count(self) -> int:
        """Scored events so far, the open ones included."""
        return self._findings.scored.count

    @property
    def inverted_s(self) -> float:
        """Time of all breaths at whose end flow looked as if it had the wrong sign."""
        return int(self._states[0]["inverted_samples"]) / self.sampling_rate_hz

    def update(self, flow_lpm: ArrayLike, airway_pressure_cmh2o: ArrayLike | None = None) -> DetectorOutput:
        """Take the next samples and tell what they made certain.

        Parameters
        ----------
        flow_lpm : array of shape (n_samples,)
            Airway flow in L/min, positive towards the patient, of any length; NaN or infinite is missing.
        airway_pressure_cmh2o : array of shape (n_samples,), optional
            Airway pressure in cmH2O; None where there is none.
        """
        flow = _samples(flow_lpm, "flow_lpm")
        pressure = NO_PRESSURE
        if airway_pressure_cmh2o is not None:
            pressure = _samples(airway_pressure_cmh2o, "airway_pressure_cmh2o")
            if len(pressure) != len(flow):
                raise ValueError(
                    f"flow and pressure must have the same number of samples: got {len(flow)} and {len(pressure)}; "
                    "fill what is missing with NaN"
                )
        output = DetectorOutput()
        while len(flow):
            taken, filled = kernels.advance(self._states, 0, flow, pressure, self._rows)
            if filled:
                self._findings.collect(self._rows[:filled], output)
            flow = flow[taken:]
            pressure = pressure[taken:]
        return output

    def flush(self) -> DetectorOutput:
        """Close what is open, as at the end of the recording; later samples begin a new stretch."""
        output = DetectorOutput()
        self._findings.collect(self._rows[: kernels.finish(self._states, 0, self._rows)], output)
        return output

    def count_on(self, breaths: int, breath_gaps: int, scored: int) -> None:
        """Take over the counts up to now, where the beginning that some of them come from was never seen here.

        Parameters
        ----------
        breaths, breath_gaps, scored : int
            What the counts of that name are from now on, what is in progress included.
        """
        self._findings.breaths.count = breaths
        self._findings.gaps.count_on(breath_gaps)
        self._findings.scored.count_on(scored)

    def vitals(self) -> Vitals:
        """Tell the current numbers; means are over the last five breaths, fewer at first."""
        return self._findings.vitals(self._states[0])


def warm_up() -> None:
    """Compile or load every kernel, so that no first update of a served room waits for it."""
    detector = RespirationDetector(25.0)
    breathing = 30 * np.sin(np.arange(500, dtype=np.float32) / 12)
    detector.update(breathing)
    detector.update(breathing, breathing)
    detector.vitals()
    detector.flush()


def checked_rate(sampling_rate_hz: float) -> float:
    """Refuse a rate that no device has."""
    rate = float(sampling_rate_hz)
    if not (isfinite(rate) and MINIMUM_RATE_HZ <= rate <= MAXIMUM_RATE_HZ):
        raise ValueError(
            f"sampling_rate_hz must lie from {MINIMUM_RATE_HZ:g} to {MAXIMUM_RATE_HZ:g}: got {sampling_rate_hz!r}; "
            "resample the signal or correct the rate"
        )
    return rate


def _samples(values: ArrayLike, name: str) -> Samples:
    """Bring samples into the one form that kernels are compiled for: float32, contiguous, writable."""
    if isinstance(values, np.ndarray) and values.dtype == np.float32:
        samples = values
    else:
        with np.errstate(over="ignore"):  # beyond float32 is infinite, which is missing
            samples = np.asarray(values, np.float32)
    if samples.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional: got shape {samples.shape}; pass one channel at a time")
    if not (samples.flags.c_contiguous and samples.flags.writeable):
        samples = samples.copy()
    return samples
