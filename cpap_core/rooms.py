"""A whole ward in one call: many rooms' detectors over one array of states, to the bit what one for each room finds."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .kernels.rows import COLUMNS, ROWS
from .kernels.stream import advance
from .new_state import new_states
from .rules import DEFAULT_RULES, MAXIMUM_RATE_HZ, MINIMUM_RATE_HZ, Rules
from .samples import as_samples
from .state import START_UP_CAPACITY
from .tables import Tables
from .types import DetectorOutput, Vitals
from .vitals import vitals_of

ROWS_OF_WARD = 4 * ROWS
NO_PRESSURE = np.empty((1, 0), np.float32)


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
        self._buffers = np.zeros((rooms, START_UP_CAPACITY), np.float32)
        self._rows = np.empty((ROWS if rooms == 1 else ROWS_OF_WARD, COLUMNS))
        self._ends = np.zeros(rooms, np.int64)

    @property
    def rooms(self) -> int:
        """How many rooms there are."""
        return len(self._states)

    def update(self, flow_lpm: ArrayLike, airway_pressure_cmh2o: ArrayLike | None = None) -> list[DetectorOutput]:
        """Take the next samples of every room and tell for each what they made certain.

        Parameters
        ----------
        flow_lpm : array of shape (n_rooms, n_samples)
            Airway flow in L/min, positive towards the patient; NaN, infinite or masked is missing, as where a room is
            silent.
        airway_pressure_cmh2o : array of shape (n_rooms, n_samples), optional
            Airway pressure in cmH2O; None where no room has any.

        Returns
        -------
        list of DetectorOutput
            One for each room, in order.
        """
        flow = self._samples(flow_lpm, "flow_lpm")
        pressure = NO_PRESSURE
        if airway_pressure_cmh2o is not None:
            pressure = self._samples(airway_pressure_cmh2o, "airway_pressure_cmh2o")
            if pressure.shape != flow.shape:
                raise ValueError(
                    f"flow and pressure must have the same shape: got {flow.shape} and {pressure.shape}; "
                    "fill what is missing with NaN"
                )
        return self.take(flow, pressure)

    def flush(self) -> list[DetectorOutput]:
        """Close what is open in every room, as at the end of its recording; later samples begin a new stretch."""
        return self.take(np.empty((self.rooms, 0), np.float32), NO_PRESSURE, ending=True)

    def vitals(self, room: int) -> Vitals:
        """Tell a room's current numbers; `room` is its position."""
        return vitals_of(self._states[room], self.sampling_rate_hz)

    def state_of(self, room: int) -> Any:
        """Give a room's record of the kernels' memory, to read or to change."""
        return self._states[room]

    def take(
        self, flow: NDArray[np.float32], pressure: NDArray[np.float32], *, ending: bool = False
    ) -> list[DetectorOutput]:
        """Take samples that are in the kernels' form by now: `update` without its checks, or with `ending` the end."""
        parts: dict[int, list[NDArray[np.float64]]] = {}
        room, taken = 0, 0
        while room < self.rooms:
            first = room
            room, taken, filled = advance(
                self._states, self._buffers, room, taken, flow, pressure, ending, self._rows, self._ends
            )
            if filled:
                self._share_out(first, min(room + 1, self.rooms), parts)
        return [self._output(parts.get(room)) for room in range(self.rooms)]

    def _share_out(self, first: int, stop: int, parts: dict[int, list[NDArray[np.float64]]]) -> None:
        """Give each room its rows of what one call of the kernels wrote."""
        start = 0
        for room, end in enumerate(self._ends[first:stop].tolist(), first):
            if end > start:
                parts.setdefault(room, []).append(self._rows[start:end].copy())
            start = end

    def _output(self, parts: list[NDArray[np.float64]] | None) -> DetectorOutput:
        if parts is None:
            return DetectorOutput()
        rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return DetectorOutput(tables=Tables(rows, self.sampling_rate_hz))

    def _samples(self, values: ArrayLike, name: str) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        samples = np.ascontiguousarray(as_samples(values))
        if samples.ndim != 2 or len(samples) != self.rooms:
            raise ValueError(
                f"{name} must have shape ({self.rooms}, n_samples): got {samples.shape}; give every room a row"
            )
        return samples if samples.flags.writeable else samples.copy()


def checked_rate(sampling_rate_hz: float) -> float:
    """Refuse a rate that no device has."""
    rate = float(sampling_rate_hz)
    if not (isfinite(rate) and MINIMUM_RATE_HZ <= rate <= MAXIMUM_RATE_HZ):
        raise ValueError(
            f"sampling_rate_hz must lie from {MINIMUM_RATE_HZ:g} to {MAXIMUM_RATE_HZ:g}: got {sampling_rate_hz!r}; "
            "resample the signal or correct the rate"
        )
    return rate
