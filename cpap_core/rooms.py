"""A whole ward in one call: many rooms' detectors over one array of states, to the bit what one for each room finds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from . import kernels
from .detector import NO_PRESSURE, checked_rate
from .findings import Findings
from .rules import DEFAULT_RULES, Rules
from .state import new_states
from .types import DetectorOutput, Vitals

ROWS_OF_WARD = 4 * kernels.ROWS


class RoomsDetector:
    """Finds breaths and events in all rooms' samples of one moment; rooms share nothing but the call.

    Parameters
    ----------
    rooms : int
        How many there are.
    sampling_rate_hz : float
        Samples per second of all of them, 1 to 200; rooms with another rate need another detector.
    rules : Rules
        Thresholds; the default is the one setting the product is judged by.
    """

    def __init__(self, rooms: int, sampling_rate_hz: float, *, rules: Rules = DEFAULT_RULES) -> None:
        if rooms < 1:
            raise ValueError(f"rooms must be at least 1: got {rooms}; make a detector when the first room is there")
        self.sampling_rate_hz = checked_rate(sampling_rate_hz)
        self.rules = rules
        self._states = new_states(rooms, self.sampling_rate_hz, rules)
        self._rows = np.empty((ROWS_OF_WARD, kernels.COLUMNS))
        self._taken = np.zeros(rooms, np.int64)
        self._ends = np.zeros(rooms, np.int64)
        self._findings = [Findings(self.sampling_rate_hz) for _ in range(rooms)]

    @property
    def rooms(self) -> int:
        """How many rooms there are."""
        return len(self._findings)

    def update(self, flow_lpm: ArrayLike, airway_pressure_cmh2o: ArrayLike | None = None) -> list[DetectorOutput]:
        """Take the next samples of every room and tell for each what they made certain.

        Parameters
        ----------
        flow_lpm : array of shape (n_rooms, n_samples)
            Airway flow in L/min, positive towards the patient; NaN or infinite is missing, as where a room is silent.
        airway_pressure_cmh2o : array of shape (n_rooms, n_samples), optional
            Airway pressure in cmH2O; None where no room has any.

        Returns
        -------
        list of DetectorOutput
            One for each room, in order.
        """
        flow = self._samples(flow_lpm, "flow_lpm")
        pressure = NO_PRESSURE[np.newaxis]
        if airway_pressure_cmh2o is not None:
            pressure = self._samples(airway_pressure_cmh2o, "airway_pressure_cmh2o")
            if pressure.shape != flow.shape:
                raise ValueError(
                    f"flow and pressure must have the same shape: got {flow.shape} and {pressure.shape}; "
                    "fill what is missing with NaN"
                )
        outputs = [DetectorOutput() for _ in self._findings]
        self._taken[:] = 0
        room = 0
        while room < self.rooms:
            first = room
            room = kernels.advance_rooms(self._states, first, flow, pressure, self._taken, self._rows, self._ends)
            start = 0
            for at in range(first, min(room + 1, self.rooms)):
                end = int(self._ends[at])
                if end > start:
                    self._findings[at].collect(self._rows[start:end], outputs[at])
                start = end
        return outputs

    def flush(self) -> list[DetectorOutput]:
        """Close what is open in every room, as at the end of its recording; later samples begin a new stretch."""
        outputs = [DetectorOutput() for _ in self._findings]
        for room, findings in enumerate(self._findings):
            findings.collect(self._rows[: kernels.finish(self._states, room, self._rows)], outputs[room])
        return outputs

    def vitals(self, room: int) -> Vitals:
        """Tell a room's current numbers; `room` is its position."""
        return self._findings[room].vitals(self._states[room])

    def _samples(self, values: ArrayLike, name: str) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        with np.errstate(over="ignore"):  # beyond float32 is infinite, which is missing
            samples = np.ascontiguousarray(values, np.float32)
        if samples.ndim != 2 or len(samples) != self.rooms:
            raise ValueError(
                f"{name} must have shape ({self.rooms}, n_samples): got {samples.shape}; give every room a row"
            )
        return samples if samples.flags.writeable else samples.copy()
