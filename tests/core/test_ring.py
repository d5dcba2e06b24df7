"""The ring keeps the newest samples, counts all, and tells a slow reader from where on data exists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpap_core import RingBuffer


def test_a_reader_gets_what_came_since_its_cursor() -> None:
    ring = RingBuffer(100)
    ring.append([1, 2, 3], [10, 20, 30])
    first, (flow, pressure) = ring.since(1)
    assert first == 1
    assert flow.tolist() == [2, 3]
    assert pressure.tolist() == [20, 30]
    assert flow.dtype == np.float32
    first, (flow, _) = ring.since(ring.count)
    assert (first, len(flow)) == (3, 0)


def test_a_slow_reader_learns_from_where_on_data_exists() -> None:
    ring = RingBuffer(4, channels=1)
    ring.append(np.arange(10))
    first, (flow,) = ring.since(0)
    assert (first, ring.first, ring.count) == (6, 6, 10)
    assert flow.tolist() == [6, 7, 8, 9]


def test_a_reader_ahead_of_the_ring_gets_nothing() -> None:
    ring = RingBuffer(4, channels=1)
    ring.append([1, 2])
    first, (flow,) = ring.since(50)
    assert (first, len(flow)) == (2, 0)


def test_a_channel_that_is_missing_and_a_gap_are_nan() -> None:
    ring = RingBuffer(10)
    ring.append([1, 2], None)
    ring.append_gap(3)
    ring.append([3], [7])
    _, (flow, pressure) = ring.since(0)
    np.testing.assert_array_equal(flow, np.float32([1, 2, np.nan, np.nan, np.nan, 3]))
    np.testing.assert_array_equal(pressure, np.float32([np.nan] * 5 + [7]))


def test_a_gap_longer_than_the_ring_costs_no_more_than_the_ring() -> None:
    ring = RingBuffer(5, channels=1)
    ring.append([1, 2, 3])
    ring.append_gap(10**12)
    assert ring.count == 10**12 + 3
    first, (flow,) = ring.since(0)
    assert first == ring.count - 5
    assert np.isnan(flow).all()


def test_what_was_read_does_not_change() -> None:
    ring = RingBuffer(3, channels=1)
    ring.append([1, 2, 3])
    _, (flow,) = ring.since(0)
    ring.append([4, 5, 6])
    assert flow.tolist() == [1, 2, 3]


@given(
    capacity=st.integers(1, 12),
    pieces=st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=12),
    back=st.integers(0, 40),
)
def test_the_ring_equals_a_list_that_forgets(capacity: int, pieces: list[tuple[bool, int]], back: int) -> None:
    ring = RingBuffer(capacity)
    everything: list[float] = []
    for gap, n in pieces:
        values = [np.nan] * n if gap else list(range(len(everything), len(everything) + n))
        if gap:
            ring.append_gap(n)
        else:
            ring.append(values, np.array(values) * 2)
        everything += values
    assert ring.count == len(everything)
    cursor = max(0, ring.count - back)
    first, (flow, pressure) = ring.since(cursor)
    assert first == max(cursor, ring.count - capacity, 0)
    np.testing.assert_array_equal(flow, np.array(everything[first:], np.float32))
    np.testing.assert_array_equal(pressure, 2 * np.array(everything[first:], np.float32))


def test_nonsense_is_refused_and_changes_nothing() -> None:
    ring = RingBuffer(4)
    for channels in ([[1, 2], [1]], [[[1, 2]], [[1, 2]]], [None, None], [[1], [1], [1]], []):
        with pytest.raises(ValueError, match="got"):
            ring.append(*channels)
    with pytest.raises(ValueError, match="got -1"):
        ring.append_gap(-1)
    with pytest.raises(ValueError, match="got -1"):
        ring.since(-1)
    with pytest.raises(ValueError, match="got 0 and 2"):
        RingBuffer(0)
    assert ring.count == 0
