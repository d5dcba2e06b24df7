"""The device at the simulated patient's bed: measures what the patient breathes, delivers what is commanded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cpap_core.simulate.traits import PatientTraits
from cpap_core.types import Chunk, Samples

if TYPE_CHECKING:
    from cpap_core.simulate.patient import SimulatedPatient


class Sensors:
    """Noise, the steps of the device's numbers, and samples that are missing."""

    def __init__(self, traits: PatientTraits, sampling_rate_hz: float, rngs: list[np.random.Generator]) -> None:
        self._traits = traits
        self._flow_rng, self._pressure_rng, self._dropout_rng = rngs
        self._rate_hz = sampling_rate_hz
        self._next_sample = 0
        self._dropout = self._next_dropout(0)

    def measure(self, flow_lpm: NDArray[np.float64], mask_cmh2o: NDArray[np.float64]) -> tuple[Samples, Samples]:
        """What the device says of the next samples, each of shape (n_samples,), float32."""
        traits, n = self._traits, len(flow_lpm)
        flow = flow_lpm + traits.flow_noise_lpm * self._flow_rng.standard_normal(n)
        pressure = mask_cmh2o + traits.pressure_noise_cmh2o * self._pressure_rng.standard_normal(n)
        measured = _in_steps(flow, traits.flow_step_lpm), _in_steps(pressure, traits.pressure_step_cmh2o)
        first = self._next_sample
        self._next_sample += n
        while self._dropout[0] < self._next_sample:
            begin, stop = (max(0, at - first) for at in self._dropout)
            for channel in measured:
                channel[begin:stop] = np.nan
            if self._dropout[1] > self._next_sample:
                break
            self._dropout = self._next_dropout(self._dropout[1])
        return measured

    def _next_dropout(self, after: int) -> tuple[int, int]:
        """First sample that is missing next, and the first that is there again."""
        per_h = self._traits.dropouts_per_h
        if per_h <= 0:
            never = 2**62
            return never, never
        wait_s, lasts_s = float(self._dropout_rng.exponential(3600 / per_h)), float(self._dropout_rng.uniform(0.2, 8.0))
        begin = after + math.ceil(wait_s * self._rate_hz)
        return begin, begin + max(1, round(lasts_s * self._rate_hz))


def _in_steps(values: NDArray[np.float64], step: float) -> Samples:
    """Values rounded to whole steps, float32."""
    return (np.rint(values / step) * step if step > 0 else values).astype(np.float32)


class SimulatedDevice:
    """Ties a patient to a pressure command and counts samples.

    Parameters
    ----------
    patient : SimulatedPatient
        Who wears the mask.
    lowest_cmh2o, highest_cmh2o : float
        What the blower delivers.
    """

    def __init__(self, patient: SimulatedPatient, *, lowest_cmh2o: float = 4.0, highest_cmh2o: float = 25.0) -> None:
        self.patient = patient
        self.sampling_rate_hz = patient.sampling_rate_hz
        self.next_sample = 0
        self._lowest_cmh2o = lowest_cmh2o
        self._highest_cmh2o = highest_cmh2o

    def set_pressure(self, pressure_cmh2o: float) -> None:
        """Deliver another pressure from now on; raise ValueError when the blower cannot."""
        if not self._lowest_cmh2o <= pressure_cmh2o <= self._highest_cmh2o:
            within = f"{self._lowest_cmh2o:g} to {self._highest_cmh2o:g} cmH2O"
            raise ValueError(f"The blower delivers {within}: got {pressure_cmh2o:g}")
        self.patient.set_pressure(pressure_cmh2o)

    def read(self, n_samples: int) -> Chunk:
        """Measure the next samples."""
        first = self.next_sample
        self.next_sample += n_samples
        return Chunk(first, self.sampling_rate_hz, *self.patient.samples(n_samples))

    def read_until(self, elapsed_s: float) -> Chunk:
        """Measure what is due `elapsed_s` after the first sample."""
        return self.read(max(0, int(elapsed_s * self.sampling_rate_hz) - self.next_sample))
