"""What was found and what was true, one to one."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.matching import Interval, paired, shared_s, unpaired, wilson


def at(*seconds: float) -> list[Interval]:
    return [(second, second) for second in seconds]


@pytest.mark.parametrize(
    ("found", "true", "pairs"),
    [
        ([], [], []),
        (at(5.0), [(4.8, 6.0)], [(0, 0)]),
        (at(4.5), [(4.8, 6.0)], [(0, 0)]),
        (at(4.4), [(4.8, 6.0)], []),
        (at(4.9, 5.0), [(4.8, 6.0)], [(0, 0)]),
        ([(0.0, 30.0)], [(1.0, 12.0), (15.0, 28.0)], [(0, 1)]),
        (at(5.0, 9.0), [(4.8, 6.0), (6.6, 7.0), (8.8, 9.5)], [(0, 0), (1, 2)]),
        ([(0.0, 3.0), (4.0, 9.0)], [(2.0, 5.0), (8.0, 9.0)], [(0, 0), (1, 1)]),
        ([(0.0, 9.9), (10.0, 20.0)], [(10.1, 20.0)], [(1, 0)]),
        ([(0.0, 40.0), (5.0, 6.0), (30.0, 39.0)], [(5.0, 6.0), (30.0, 40.0)], [(1, 0), (0, 1)]),
    ],
)
def test_each_detection_belongs_to_one_thing_at_most(
    found: list[Interval], true: list[Interval], pairs: list[tuple[int, int]]
) -> None:
    assert paired(found, true, 0.3) == pairs


def test_what_has_no_partner_is_false_or_missed() -> None:
    assert unpaired([(0, 1), (2, 2)], 4, 3) == ([1, 3], [0])


@pytest.mark.parametrize(
    ("found", "scored", "expected"),
    [
        ([], [(0, 10)], []),
        ([(0, 10)], [], []),
        ([(2, 12)], [(0, 10)], [(0, 0)]),
        ([(0, 30)], [(0, 10), (20, 30)], [(0, 0)]),
        ([(0, 4), (6, 10)], [(0, 10)], [(0, 0)]),
        ([(12, 20)], [(0, 10)], [(0, 0)]),
        ([(13.1, 20)], [(0, 10)], []),
        ([(0, 10), (40, 50)], [(41, 50), (0, 9)], [(1, 0), (0, 1)]),
    ],
    ids=["none found", "none scored", "hit", "over two", "two over one", "within", "beyond", "any order"],
)
def test_nothing_is_used_twice(
    found: list[tuple[float, float]], scored: list[tuple[float, float]], expected: list[tuple[int, int]]
) -> None:
    assert paired(found, scored, 3.0) == expected


def test_as_many_pairs_are_made_as_can_be() -> None:
    """The first event prefers the detection that only the second can have; it gives it up."""
    found, scored = [(4.0, 6.0), (8.0, 10.0)], [(5.0, 9.8), (9.0, 30.0)]
    assert paired(found, scored, 0.0) == [(0, 0), (1, 1)]


@pytest.mark.parametrize("seed", range(20))
def test_the_number_of_pairs_is_the_largest_of_all_ways(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def some() -> list[tuple[float, float]]:
        return sorted((onset, onset + rng.uniform(1, 30)) for onset in rng.uniform(0, 100, rng.integers(0, 7)).tolist())

    found, scored = some(), some()

    def most(events: list[tuple[float, float]], free: frozenset[int]) -> int:
        if not events:
            return 0
        first, rest = events[0], events[1:]
        hits = [1 + most(rest, free - {at}) for at in free if shared_s(found[at], first) >= -2.0]
        return max([most(rest, free), *hits])

    made = paired(found, scored, 2.0)
    assert len(made) == most(scored, frozenset(range(len(found))))
    assert len({at for at, _ in made}) == len({event for _, event in made}) == len(made)
    assert all(shared_s(found[at], scored[event]) >= -2.0 for at, event in made)


def test_the_interval_of_a_share_is_wilsons() -> None:
    """Newcombe 1998, table I: 81 of 263 and 0 of 20."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
