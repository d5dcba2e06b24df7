"""Smallest and largest values over ranges of a long signal, at any zoom: no extreme is lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cpap_core.types import Samples

BLOCK = 16
"""Samples to a block of the finest level: an eighth of the signal's own memory."""
STEP = 4
"""Blocks of a level to one of the next; all levels together are a third larger than the finest."""


class MinMaxPyramid:
    """The extremes of a signal that grows at its end.

    Parameters
    ----------
    block : int
        Samples to a block of the finest level. Whoever asks for less than that reads the samples themselves.

    Attributes
    ----------
    count : int
        Samples that were appended; only whole blocks of them are in the levels.
    """

    def __init__(self, block: int = BLOCK) -> None:
        if block < 1:
            raise ValueError(f"A block holds 1 sample or more, got {block}")
        self.block = block
        self.count = 0
        self._rest: Samples = np.empty(0, np.float32)
        self._levels: list[_Level] = [_Level()]

    @property
    def n_bytes(self) -> int:
        """Memory of all levels, in bytes."""
        return sum(level.n_bytes for level in self._levels)

    def append(self, samples: Samples) -> None:
        """Take the next samples, an array of shape (n_samples,); NaN is a gap."""
        self.count += len(samples)
        samples = np.concatenate((self._rest, samples)) if len(self._rest) else samples
        whole = len(samples) - len(samples) % self.block
        self._rest = samples[whole:].copy()
        if whole:
            blocks = samples[:whole].reshape(-1, self.block)
            self._levels[0].append(np.fmin.reduce(blocks, axis=1), np.fmax.reduce(blocks, axis=1))
            self._raise_levels()

    def append_gap(self, n_samples: int) -> None:
        """Take so many missing samples, without holding them."""
        while n_samples > 0:
            piece = min(n_samples, self.block << 12)
            self.append(np.full(piece, np.nan, np.float32))
            n_samples -= piece

    def extremes(self, edges: NDArray[np.int64]) -> tuple[Samples, Samples]:
        """Give the extremes of each range between two edges, NaN where there is nothing but gaps.

        A range is widened outwards to whole blocks of the coarsest level that still fits into it, so that it may see
        an extreme of its neighbour and never misses one of its own.

        Parameters
        ----------
        edges : array of shape (n + 1,), int64
            Indices of samples, ascending.

        Returns
        -------
        lowest, highest : arrays of shape (n,), float32
        """
        narrowest = max(int(np.diff(edges).min(initial=self.block)), 1)
        at = 0
        while at + 1 < len(self._levels) and self.block * STEP ** (at + 1) <= narrowest:
            at += 1
        # Blocks that are not whole yet, on this level or below, are asked of the finest one and of what rests.
        size = self.block * STEP**at
        level = self._levels[at]
        lowest, highest = _reduce(level, edges // size, -(-edges // size))
        end = level.count * size
        for late in np.flatnonzero(edges[1:] > end):
            start, stop = max(int(edges[late]), end), int(edges[late + 1])
            low, high = self._tail(start, stop)
            lowest[late] = np.fmin(lowest[late], low)
            highest[late] = np.fmax(highest[late], high)
        return lowest, highest

    def _tail(self, start: int, stop: int) -> tuple[np.float32, np.float32]:
        """The extremes of a range at the end, where higher levels are not whole."""
        whole = self._levels[0].count * self.block
        begin, end = start // self.block, min(-(-stop // self.block), self._levels[0].count)
        low, high = self._levels[0].lowest[begin:end], self._levels[0].highest[begin:end]
        rest = self._rest[max(start - whole, 0) : max(stop - whole, 0)]
        nothing = np.float32(np.nan)
        return (
            np.fmin(np.fmin.reduce(low, initial=nothing), np.fmin.reduce(rest, initial=nothing)),
            np.fmax(np.fmax.reduce(high, initial=nothing), np.fmax.reduce(rest, initial=nothing)),
        )

    def _raise_levels(self) -> None:
        at = 0
        while (ready := self._levels[at].count // STEP) > 0:
            if at + 1 == len(self._levels):
                self._levels.append(_Level())
            below, above = self._levels[at], self._levels[at + 1]
            fresh = slice(above.count * STEP, ready * STEP)
            if fresh.start < fresh.stop:
                above.append(
                    np.fmin.reduce(below.lowest[fresh].reshape(-1, STEP), axis=1),
                    np.fmax.reduce(below.highest[fresh].reshape(-1, STEP), axis=1),
                )
            at += 1


class _Level:
    """Two arrays that grow by doubling."""

    def __init__(self) -> None:
        self.count = 0
        self._values = np.empty((2, 64), np.float32)

    @property
    def lowest(self) -> Samples:
        return self._values[0, : self.count]

    @property
    def highest(self) -> Samples:
        return self._values[1, : self.count]

    @property
    def n_bytes(self) -> int:
        return self._values.nbytes

    def append(self, lowest: Samples, highest: Samples) -> None:
        end = self.count + len(lowest)
        if end > self._values.shape[1]:
            grown = np.empty((2, max(end, 2 * self._values.shape[1])), np.float32)
            grown[:, : self.count] = self._values[:, : self.count]
            self._values = grown
        self._values[0, self.count : end] = lowest
        self._values[1, self.count : end] = highest
        self.count = end


def extremes_of(samples: Samples, edges: NDArray[np.int64]) -> tuple[Samples, Samples]:
    """Give the extremes of the samples themselves, as `MinMaxPyramid.extremes` does of blocks.

    Parameters
    ----------
    samples : array of shape (n_samples,)
        NaN is a gap.
    edges : array of shape (n + 1,), int64
        Indices into the samples, ascending.
    """
    return _between(samples, samples, edges[:-1], edges[1:])


def _reduce(level: _Level, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[Samples, Samples]:
    return _between(level.lowest, level.highest, begins[:-1], ends[1:])


def _between(
    low: Samples, high: Samples, begins: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[Samples, Samples]:
    lowest = np.full(len(begins), np.nan, np.float32)
    highest = lowest.copy()
    begins, ends = np.clip(begins, 0, len(low)), np.clip(ends, 0, len(low))
    some = np.flatnonzero(begins < ends)
    if len(some):
        # Pairs of begin and end for reduceat; what lies between an end and the next begin is thrown away.
        pairs = np.column_stack((begins[some], ends[some])).ravel()
        padded_low, padded_high = (np.append(values, np.float32(np.nan)) for values in _cut(low, high, pairs))
        pairs = pairs - pairs.min()
        lowest[some] = np.fmin.reduceat(padded_low, pairs)[::2]
        highest[some] = np.fmax.reduceat(padded_high, pairs)[::2]
    return lowest, highest


def _cut(low: Samples, high: Samples, pairs: NDArray[np.int64]) -> tuple[Samples, Samples]:
    return low[pairs.min() : pairs.max()], high[pairs.min() : pairs.max()]
