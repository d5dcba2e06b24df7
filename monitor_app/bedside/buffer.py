"""What a device keeps until the server says it is on disk."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK_SAMPLES = 16_384
"""Samples of one block, and so of the largest frame: 128 KiB with two channels."""


@dataclass(slots=True)
class _Block:
    """Consecutive samples; rows `start` to `stop` of `rows` are in use, row `start` is sample `first`."""

    first: int
    rows: NDArray[np.float32]
    start: int = 0
    stop: int = 0

    @property
    def count(self) -> int:
        return self.stop - self.start

    @property
    def end(self) -> int:
        return self.first + self.count

    def drop(self, n: int) -> None:
        self.start += n
        self.first += n


class UnacknowledgedSamples:
    """Samples by their index in the recording, bounded; the oldest are dropped when it is full.

    Blocks are consecutive within and may have gaps between them, so a pause of hours costs nothing.

    Parameters
    ----------
    n_channels : int
        Values of one sample.
    capacity : int
        Most samples kept.
    """

    def __init__(self, n_channels: int, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"A buffer must hold at least 1 sample: got a capacity of {capacity}")
        self.n_channels = n_channels
        self.capacity = capacity
        self.count = 0
        self.dropped = 0
        self.acknowledged = 0
        self._blocks: deque[_Block] = deque()
        self._end = 0

    @property
    def end(self) -> int:
        """Index after the newest sample ever appended or acknowledged."""
        return max(self._end, self.acknowledged)

    def append(self, first: int, values: NDArray[np.float32]) -> None:
        """Keep `values` of shape (n_samples, n_channels); `first` is the index of the first of them.

        Samples that are acknowledged already are left out: so a new run of a resumed stream may start anywhere.
        """
        if values.ndim != 2 or values.shape[1] != self.n_channels:
            raise ValueError(f"Samples must have shape (n_samples, {self.n_channels}): got {values.shape}")
        if first < self._end:
            raise ValueError(f"Samples must come in order: got sample {first}, expected {self._end} or later")
        self._end = first + len(values)
        known = min(max(self.acknowledged - first, 0), len(values))
        first, values = first + known, values[known:]
        while len(values):
            block = self._block_for(first)
            n = min(len(values), len(block.rows) - block.stop)
            block.rows[block.stop : block.stop + n] = values[:n]
            block.stop += n
            first, values = first + n, values[n:]
            self.count += n
        while self.count > self.capacity:
            self.dropped += self._drop_oldest(self.count - self.capacity)

    def acknowledge(self, next_sample: int) -> None:
        """Forget every sample before `next_sample`."""
        self.acknowledged = max(self.acknowledged, next_sample)
        while self._blocks and self._blocks[0].first < next_sample:
            self._drop_oldest(next_sample - self._blocks[0].first)

    def at_or_after(self, index: int, limit: int) -> tuple[int, NDArray[np.float32]] | None:
        """Up to `limit` consecutive samples from the first kept one not before `index`; None when there is none."""
        for block in self._blocks:
            if block.end > index:
                skipped = max(index - block.first, 0)
                row = block.start + skipped
                return block.first + skipped, block.rows[row : min(block.stop, row + limit)]
        return None

    def _block_for(self, first: int) -> _Block:
        if self._blocks:
            last = self._blocks[-1]
            if last.end == first and last.stop < len(last.rows):
                return last
        self._blocks.append(_Block(first, np.empty((_BLOCK_SAMPLES, self.n_channels), np.float32)))
        return self._blocks[-1]

    def _drop_oldest(self, n: int) -> int:
        """Drop up to `n` samples of the oldest block; the number dropped."""
        block = self._blocks[0]
        n = min(n, block.count)
        block.drop(n)
        self.count -= n
        if not block.count:
            self._blocks.popleft()
        return n
