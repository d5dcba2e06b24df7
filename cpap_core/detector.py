"""The streaming detector of breaths and events: the same for live samples, files and stored data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .rooms import NO_PRESSURE, RoomsDetector
from .rules import DEFAULT_RULES, Rules
from .samples import as_samples
from .types import DetectorOutput, Samples, Vitals


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

    Raises
    ------
    ValueError
        Of a rate that no device has, or a first sample before sample 0.
    """

    def __init__(self, sampling_rate_hz: float, *, rules: Rules = DEFAULT_RULES, first_sample: int = 0) -> None:
        if first_sample < 0:
            raise ValueError(f"first_sample must be 0 or more: got {first_sample}; sample 0 is the recording's first")
        self._ward = RoomsDetector(1, sampling_rate_hz, rules=rules)
        self.sampling_rate_hz = self._ward.sampling_rate_hz
        self.rules = rules
        self._state["samples"] = first_sample

    @property
    def _state(self) -> Any:
        # Asked for each time: one that is kept would be apart from the kernels' memory in a copied or pickled detector.
        return self._ward.state_of(0)

    @property
    def samples_seen(self) -> int:
        """Samples taken so far, missing ones and those before `first_sample` included."""
        return int(self._state["samples"])

    @property
    def breath_count(self) -> int:
        """Confirmed onsets so far."""
        return int(self._state["breaths"])

    @property
    def breath_gap_count(self) -> int:
        """Breath gaps so far, the open one included."""
        return int(self._state["gaps"])

    @property
    def scored_count(self) -> int:
        """Scored events so far, the open ones included."""
        return int(self._state["scored"])

    @property
    def inverted_s(self) -> float:
        """Time of all breaths at whose end flow looked as if it had the wrong sign."""
        return int(self._state["inverted_samples"]) / self.sampling_rate_hz

    def update(self, flow_lpm: ArrayLike, airway_pressure_cmh2o: ArrayLike | None = None) -> DetectorOutput:
        """Take the next samples and tell what they made certain.

        Parameters
        ----------
        flow_lpm : array of shape (n_samples,)
            Airway flow in L/min, positive towards the patient, of any length; NaN, infinite or masked is missing.
        airway_pressure_cmh2o : array of shape (n_samples,), optional
            Airway pressure in cmH2O; None where there is none.
        """
        flow = _samples(flow_lpm, "flow_lpm")
        pressure = NO_PRESSURE
        if airway_pressure_cmh2o is not None:
            pressure = _samples(airway_pressure_cmh2o, "airway_pressure_cmh2o")
            if pressure.shape != flow.shape:
                raise ValueError(
                    f"flow and pressure must have the same number of samples: got {flow.size} and {pressure.size}; "
                    "fill what is missing with NaN"
                )
        [output] = self._ward.take(flow, pressure)
        return output

    def flush(self) -> DetectorOutput:
        """Close what is open, as at the end of the recording; later samples begin a new stretch."""
        [output] = self._ward.flush()
        return output

    def count_on(self, breaths: int, breath_gaps: int, scored: int) -> None:
        """Take over the counts up to now, where the beginning that some of them come from was never seen here.

        Parameters
        ----------
        breaths, breath_gaps, scored : int
            What the counts of that name are from now on, what is in progress included.
        """
        state = self._state
        # Breath gaps are numbered by their count; the scored events in progress have their own number, below zero.
        state["low_id"] -= scored - state["scored"]
        state["hypopnea_id"] -= scored - state["scored"]
        state["breaths"], state["gaps"], state["scored"] = breaths, breath_gaps, scored

    def vitals(self) -> Vitals:
        """Tell the current numbers; means are over the last five breaths, fewer at first."""
        return self._ward.vitals(0)


def warm_up() -> None:
    """Compile or load every kernel, so that no first update of a served room waits for it."""
    detector = RespirationDetector(25.0)
    breathing = 30 * np.sin(np.arange(500, dtype=np.float32) / 12)
    detector.update(breathing)
    detector.update(breathing, breathing)
    detector.vitals()
    detector.flush()


def _samples(values: ArrayLike, name: str) -> Samples:
    """Bring samples into the one form that kernels are compiled for: float32, contiguous, writable, a row of one."""
    samples = as_samples(values)
    if samples.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional: got shape {samples.shape}; pass one channel at a time")
    if not (samples.flags.c_contiguous and samples.flags.writeable):
        samples = samples.copy()
    return samples[np.newaxis]
