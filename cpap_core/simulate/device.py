"""The device at the simulated patient's bed: measures what the patient breathes, delivers what is commanded."""

from __future__ import annotations

from cpap_core.simulate.patient import SimulatedPatient
from cpap_core.types import Chunk


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
