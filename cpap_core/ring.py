"""A fixed-size memory of the newest samples, read by cursor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


class RingBuffer:
    """The newest samples of a room, counted from the first one ever appended.

    A reader keeps a cursor, the count up to which it has read, and asks for what came since; readers know nothing of
    each other and the ring nothing of them.

    Parameters
    ----------
    capacity : int
        Samples kept for each channel.
    channels : int
        Number of channels; two are flow and airway pressure.

    Attributes
    ----------
    count : int
        Samples ever appended; only grows.
    """

    def __init__(self, capacity: int, *, channels: int = 2) -> None:
        if capacity < 1 or channels < 1:
            raise ValueError(f"capacity and channels must be at least 1: got {capacity} and {channels}")
        self.count = 0
        self._samples = np.full((channels, capacity), np.nan, np.float32)

    @property
    def capacity(self) -> int:
        """Samples kept for each channel."""
        return self._samples.shape[1]

    @property
    def first(self) -> int:
        """Index of the oldest sample that is still kept."""
        return max(0, self.count - self.capacity)

    def append(self, *channels: ArrayLike | None) -> None:
        """Append the next samples: an array of shape (n_samples,) for each channel, None for one that is missing."""
        arrays = [None if channel is None else np.asarray(channel, np.float32) for channel in channels]
        shapes = {array.shape for array in arrays if array is not None}
        shape = shapes.pop() if shapes else ()
        if shapes or len(shape) != 1:
            raise ValueError(f"channels must be one-dimensional and of one length: got {sorted({shape, *shapes})}")
        if any(array is not None for array in arrays[len(self._samples) :]):
            raise ValueError(f"the ring has {len(self._samples)} channels: got {len(arrays)}; make it with more")
        gap = np.full(shape, np.nan, np.float32)
        for channel in range(len(self._samples)):
            array = arrays[channel] if channel < len(arrays) else None
            self._write(channel, gap if array is None else array)
        self.count += shape[0]

    def append_gap(self, n_samples: int) -> None:
        """Append so many missing samples to every channel."""
        if n_samples < 0:
            raise ValueError(f"a gap must have 0 samples or more: got {n_samples}")
        gap = np.full(min(n_samples, self.capacity), np.nan, np.float32)
        self.count += n_samples - len(gap)
        for channel in range(len(self._samples)):
            self._write(channel, gap)
        self.count += len(gap)

    def since(self, cursor: int) -> tuple[int, tuple[NDArray[np.float32], ...]]:
        """Copy what came since the cursor.

        Parameters
        ----------
        cursor : int
            The count up to which the reader has read; one that is ahead of the ring gets nothing.

        Returns
        -------
        first : int
            Index of the first sample returned; greater than the cursor where older samples are gone.
        channels : tuple of arrays of shape (count - first,), float32
        """
        if cursor < 0:
            raise ValueError(f"a cursor counts samples from 0: got {cursor}; start again at 0")
        first = min(max(cursor, self.first), self.count)
        begin = first % self.capacity
        n_samples = self.count - first
        head = self._samples[:, begin : begin + n_samples]
        tail = self._samples[:, : n_samples - head.shape[1]]
        return first, tuple(np.concatenate((head, tail), axis=1))

    def _write(self, channel: int, values: NDArray[np.float32]) -> None:
        kept = values[-self.capacity :] if len(values) > self.capacity else values
        begin = (self.count + len(values) - len(kept)) % self.capacity
        head = min(len(kept), self.capacity - begin)
        self._samples[channel, begin : begin + head] = kept[:head]
        self._samples[channel, : len(kept) - head] = kept[head:]
