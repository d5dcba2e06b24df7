"""Any number of samples as a picture needs them: the least and the most of each stretch, so that nothing is lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cpap_core.types import Samples


class Envelope:
    """The least and the most of every `width` samples, which may come in any chunks.

    Parameters
    ----------
    n_samples : int
        How many samples will come.
    most : int
        So many stretches at most.

    Attributes
    ----------
    width : int
        Samples in a stretch; the last one may have fewer.
    low, high : array of shape (n_stretches,), float32
        NaN where a stretch has no valid sample.
    """

    def __init__(self, n_samples: int, most: int) -> None:
        if n_samples < 0 or most < 1:
            raise ValueError(f"An envelope has no negative length and a stretch at least: got {n_samples} and {most}")
        self.width = max(1, -(-n_samples // most))
        self.low = np.full(-(-n_samples // self.width), np.nan, np.float32)
        self.high = self.low.copy()
        self._next = 0

    def update(self, values: Samples) -> None:
        """Take the next samples; NaN is a gap."""
        if not len(values):
            return
        first, stop = self._next, self._next + len(values)
        if stop > len(self.low) * self.width:
            raise ValueError(f"Samples up to {stop} do not fit {len(self.low)} stretches of {self.width}")
        stretches = np.arange(first // self.width, (stop - 1) // self.width + 1)
        edges = np.maximum(stretches * self.width - first, 0)
        _join(np.fmin, self.low, stretches, np.fmin.reduceat(values, edges))
        _join(np.fmax, self.high, stretches, np.fmax.reduceat(values, edges))
        self._next = stop


def _join(choose: np.ufunc, kept: Samples, stretches: NDArray[np.int64], found: Samples) -> None:
    """Put what was found of some stretches to what is known of them."""
    kept[stretches] = choose(kept[stretches], found)
