"""From rows with times of their own to a uniform grid: which rows' times can be believed, and where each row goes."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from math import ceil

import numpy as np
from numpy.typing import NDArray

from cpap_core.readers.errors import RecordingError
from cpap_core.rules import MAXIMUM_RATE_HZ, MINIMUM_RATE_HZ
from cpap_core.types import Samples

MAX_FILE_RATE_HZ = 10_000.0
"""Above this a file's rate is a mistake; from the detector's maximum up to it the samples are averaged (`reduced`)."""

NOMINAL_SAMPLING_RATE_HZ = 100.0
"""Stands in where a recording has fewer than two usable rows and so no rate."""

MAX_PAUSE_S = 12 * 3600.0
"""Rows further than this from the others were written by a clock that had lost the time."""

MAX_SAMPLES = 60_000_000
"""A grid may not grow beyond this (a week at 100 Hz): bounds the memory that bad times can ask for."""

Times = NDArray[np.float64]


def increasing_rows(time_s: Times) -> NDArray[np.bool_]:
    """Which rows to keep so that time strictly increases and as few rows as possible are lost.

    One time far in the future therefore costs its own row, not all the rows after it. Of equally good choices the
    earliest rows stay, so a repeated time costs the later row.
    """
    n_rows = len(time_s)
    keep = np.ones(n_rows, dtype=bool)
    if n_rows < 2 or np.all(time_s[1:] > time_s[:-1]):
        return keep
    # A row in order with every other belongs to every longest choice; only the rest needs the search.
    extreme = np.empty(n_rows)
    np.maximum.accumulate(time_s[:-1], out=extreme[1:])
    extreme[0] = -np.inf
    is_disputed = time_s <= extreme
    np.minimum.accumulate(time_s[:0:-1], out=extreme[-2::-1])
    extreme[-1] = np.inf
    is_disputed |= time_s >= extreme
    del extreme
    keep[is_disputed] = _longest_increasing(time_s[is_disputed])
    return keep


def _longest_increasing(times: Times) -> NDArray[np.bool_]:
    """Which of the times are a longest strictly increasing subsequence, the earliest of equals.

    Machine numbers instead of lists, since one time far ahead may put millions of rows in dispute.
    """
    values = memoryview(times)  # type: ignore[arg-type]  # numpy's arrays are buffers
    best_starts = array("d")  # [k]: the negated largest start of an increasing subsequence of length k + 1
    lengths = array("i", bytes(4 * len(values)))
    for index in range(len(values) - 1, -1, -1):
        place = bisect_left(best_starts, -values[index])
        if place == len(best_starts):
            best_starts.append(-values[index])
        else:
            best_starts[place] = -values[index]
        lengths[index] = place + 1
    chosen = np.zeros(len(values), dtype=np.bool_)
    wanted, last = len(best_starts), -np.inf
    for index, length in enumerate(lengths):
        if length == wanted and values[index] > last:
            chosen[index] = True
            wanted, last = wanted - 1, values[index]
    return chosen


def largest_part(time_s: Times) -> slice:
    """The rows of the part with most rows, when increasing times are parted wherever they jump over `MAX_PAUSE_S`."""
    starts = np.concatenate(([0], np.flatnonzero(np.diff(time_s) > MAX_PAUSE_S) + 1, [len(time_s)]))
    part = int(np.argmax(np.diff(starts)))
    return slice(int(starts[part]), int(starts[part + 1]))


def sampling_rate(time_s: Times) -> float:
    """Samples per second of increasing times: by the median step, made exact by the mean of the steps like it."""
    if len(time_s) < 2:
        return NOMINAL_SAMPLING_RATE_HZ
    steps = np.diff(time_s)
    median = np.median(steps, overwrite_input=True)
    # Times are often rounded (60 Hz in hundredths of a second), so the median alone may be far off.
    return float(f"{1 / np.mean(steps, where=steps < 1.5 * median):.9g}")


def check_rate(sampling_rate_hz: float, remedy: str) -> None:
    """Refuse a rate at which no breath could be seen, or that no such file has."""
    if not MINIMUM_RATE_HZ <= sampling_rate_hz <= MAX_FILE_RATE_HZ:
        raise RecordingError(
            f"sampling rate {sampling_rate_hz:g} Hz is not between {MINIMUM_RATE_HZ:g} and {MAX_FILE_RATE_HZ:g} Hz: "
            f"{remedy}"
        )


def reduction(sampling_rate_hz: float) -> int:
    """How many samples must become one for the detector's maximum rate; 1 for the rates of bedside devices."""
    return ceil(sampling_rate_hz / MAXIMUM_RATE_HZ)


def reduced(samples: Samples, factor: int) -> Samples:
    """Means of `factor` samples each, NaN where one of them is; an incomplete last group is left out."""
    if factor == 1:
        return samples
    groups = samples[: len(samples) // factor * factor].reshape(-1, factor)
    means: Samples = groups.mean(axis=1, dtype=np.float64).astype(np.float32)
    return means


def grid_indices(time_s: Times, sampling_rate_hz: float) -> NDArray[np.int64]:
    """The sample of the grid that each row of increasing time fills: strictly increasing from 0.

    Rows follow each other; missing time moves all later rows on. Unlike rounding each time by itself this neither
    lets two rows fall together nor tears holes where times jitter or are rounded.
    """
    index = next(grid_blocks([time_s], sampling_rate_hz), np.empty(0, dtype=np.int64))
    check_length(time_s, sampling_rate_hz, int(index[-1]) + 1 if len(index) else 0)
    return index


def grid_blocks(blocks: Iterable[Times], sampling_rate_hz: float) -> Iterator[NDArray[np.int64]]:
    """`grid_indices` of times that come in blocks, for those who do not want all of them at once."""
    rows, first_s, moved = 0, None, 0.0
    for time_s in blocks:
        if not len(time_s):
            continue
        first_s = float(time_s[0]) if first_s is None else first_s
        position = np.arange(rows, rows + len(time_s), dtype=np.float64)
        missing = np.rint((time_s - first_s) * sampling_rate_hz - position)
        missing[0] = max(missing[0], moved)
        moved_on = np.maximum.accumulate(missing)
        rows, moved = rows + len(time_s), float(moved_on[-1])
        yield (position + moved_on).astype(np.int64)


def check_length(time_s: Times, sampling_rate_hz: float, n_samples: int) -> None:
    """Refuse a grid of more samples than memory may be asked for."""
    if n_samples > MAX_SAMPLES:
        raise RecordingError(
            f"{time_s[-1] - time_s[0]:g} s at {sampling_rate_hz:g} Hz are over {MAX_SAMPLES} samples: "
            "split the recording"
        )


def on_grid(values: NDArray[np.float32], index: NDArray[np.int64]) -> Samples:
    """`values` at the samples `index` of a grid that ends with the last of them; NaN elsewhere."""
    grid = np.full(int(index[-1]) + 1 if len(index) else 0, np.nan, dtype=np.float32)
    grid[index] = values
    return grid
