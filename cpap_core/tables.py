"""What the kernels' rows say, as tables: a row for each onset, breath or event, made without an object for any."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .kernels.rows import BREATH, CLOSED, COLUMNS, ONSET, OPENED

ONSETS = np.dtype([("onset_s", "f8"), ("confirmed_at_s", "f8")])
BREATHS = np.dtype(
    [
        ("onset_s", "f8"),
        ("peak_s", "f8"),
        ("inspiratory_time_s", "f8"),
        ("expiratory_time_s", "f8"),
        ("tidal_volume_ml", "f8"),
        ("peak_flow_lpm", "f8"),
        ("flow_limitation", "f8"),
        ("leak_lpm", "f8"),
    ]
)
OPEN_EVENTS = np.dtype([("id", "i8"), ("kind", "i8"), ("onset_s", "f8"), ("detected_at_s", "f8")])
EVENTS = np.dtype([*OPEN_EVENTS.descr, ("duration_s", "f8")])


class Tables:
    """Onsets, breaths and events of one room; columns are named as the fields of `Onset`, `Breath` and so on.

    Each table is made when it is first asked for. NaN is unknown; `kind` is the position in `EVENT_KINDS`.

    Parameters
    ----------
    rows : array of shape (n_rows, COLUMNS), float64
        As the kernels write them.
    sampling_rate_hz : float
        Samples per second.
    """

    def __init__(self, rows: NDArray[np.float64], sampling_rate_hz: float) -> None:
        self.rows = rows
        self._rate = sampling_rate_hz

    @cached_property
    def onsets(self) -> NDArray[np.void]:
        """Structured array of shape (n_onsets,), ONSETS."""
        return self._seconds(ONSET, ONSETS, onset_s=1, confirmed_at_s=2)

    @cached_property
    def breaths(self) -> NDArray[np.void]:
        """Structured array of shape (n_breaths,), BREATHS."""
        table = self._seconds(BREATH, BREATHS, onset_s=1, peak_s=2, inspiratory_time_s=3, expiratory_time_s=4)
        _, _, _, _, _, volume, peak_flow, flow_sum, samples, flattening = self._of(BREATH).T
        table["tidal_volume_ml"] = volume / self._rate / 60 * 1000
        # A leak that stepped within the breath can leave its top below what is the baseline at its end.
        table["peak_flow_lpm"] = np.maximum(peak_flow, 0.0)
        table["flow_limitation"] = flattening
        with np.errstate(divide="ignore", invalid="ignore"):  # a breath without a step has no leak
            table["leak_lpm"] = np.where(samples > 0, flow_sum / samples, np.nan)
        return table

    @cached_property
    def opened(self) -> NDArray[np.void]:
        """Structured array of shape (n_opened,), OPEN_EVENTS."""
        return self._numbered(OPENED, self._seconds(OPENED, OPEN_EVENTS, onset_s=3, detected_at_s=4))

    @cached_property
    def events(self) -> NDArray[np.void]:
        """Structured array of shape (n_closed,), EVENTS."""
        return self._numbered(CLOSED, self._seconds(CLOSED, EVENTS, onset_s=3, detected_at_s=4, duration_s=5))

    def _of(self, what: int) -> Any:
        return self.rows[self.rows[:, 0] == what]

    def _seconds(self, what: int, dtype: np.dtype[np.void], **columns: int) -> NDArray[np.void]:
        rows = self._of(what)
        table = np.empty(len(rows), dtype)
        for name, column in columns.items():
            table[name] = rows[:, column] / self._rate
        return table

    def _numbered(self, what: int, table: NDArray[np.void]) -> NDArray[np.void]:
        _, table["kind"], table["id"], *_ = self._of(what).T
        return table


NOTHING = Tables(np.empty((0, COLUMNS)), 1.0)
