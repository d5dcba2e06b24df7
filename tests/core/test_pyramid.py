"""At any zoom a range's extremes are there, and none is invented beyond a block of its neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cpap_core.pyramid import STEP, MinMaxPyramid, extremes_of


def naive(samples: np.ndarray, begin: int, end: int) -> tuple[float, float]:
    """Smallest and largest of a range, NaN of nothing but gaps."""
    known = [float(value) for value in samples[max(0, begin) : end] if value == value]
    return (min(known), max(known)) if known else (float("nan"), float("nan"))


signals = st.lists(st.one_of(st.floats(-200, 200, width=32), st.just(float("nan"))), min_size=1, max_size=600).map(
    lambda values: np.array(values, np.float32)
)


@settings(deadline=None)
@given(signals, st.integers(1, 9), st.lists(st.integers(1, 200), max_size=8), st.data())
def test_no_extreme_is_lost_and_none_comes_from_further_than_a_range(
    samples: np.ndarray, block: int, cuts: list[int], data: st.DataObject
) -> None:
    """However it was cut when it came, and wherever the edges lie."""
    pyramid = MinMaxPyramid(block)
    for part in np.split(samples, sorted({cut for cut in cuts if cut < len(samples)})):
        pyramid.append(part)
    edges = np.array(sorted(data.draw(st.lists(st.integers(0, len(samples)), min_size=2, max_size=20))), np.int64)
    lowest, highest = pyramid.extremes(edges)
    for at in range(len(edges) - 1):
        begin, end = int(edges[at]), int(edges[at + 1])
        if begin == end:
            continue
        own = naive(samples, begin, end)
        slack = max(block, int(np.diff(edges).min()))
        around = naive(samples, begin - slack, end + slack)
        if own[0] == own[0]:
            assert around[0] <= lowest[at] <= own[0]
            assert own[1] <= highest[at] <= around[1]
        elif lowest[at] == lowest[at]:
            assert around[0] <= lowest[at] <= highest[at] <= around[1]


@given(signals, st.data())
@settings(deadline=None)
def test_extremes_of_samples_are_exact(samples: np.ndarray, data: st.DataObject) -> None:
    edges = np.array(sorted(data.draw(st.lists(st.integers(0, len(samples)), min_size=2, max_size=20))), np.int64)
    lowest, highest = extremes_of(samples, edges)
    for at in range(len(edges) - 1):
        if edges[at] < edges[at + 1]:
            np.testing.assert_equal((lowest[at], highest[at]), naive(samples, int(edges[at]), int(edges[at + 1])))


def test_one_spike_in_a_night_is_seen_from_afar() -> None:
    samples = np.zeros(8 * 3600 * 25, np.float32)
    samples[123_457] = 99
    pyramid = MinMaxPyramid()
    for begin in range(0, len(samples), 250):
        pyramid.append(samples[begin : begin + 250])
    for pieces in (1, 7, 1500, 20_000):
        edges = np.linspace(0, len(samples), pieces + 1).astype(np.int64)
        assert pyramid.extremes(edges)[1].max() == 99
        assert np.count_nonzero(pyramid.extremes(edges)[1]) <= 2


def test_a_gap_is_a_gap() -> None:
    pyramid = MinMaxPyramid(4)
    pyramid.append(np.ones(400, np.float32))
    pyramid.append_gap(4000)
    pyramid.append(np.ones(400, np.float32))
    lowest, _ = pyramid.extremes(np.arange(0, 4801, 400))
    assert np.isnan(lowest).tolist() == [False, *[True] * 10, False]


def test_its_memory_is_a_small_part_of_the_signal() -> None:
    pyramid = MinMaxPyramid()
    pyramid.append(np.zeros(1 << 20, np.float32))
    levels = 2 * 4 * (1 << 20) / 16 * STEP / (STEP - 1)
    assert pyramid.n_bytes < 1.1 * levels


def test_a_block_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="1 sample or more, got 0"):
        MinMaxPyramid(0)
