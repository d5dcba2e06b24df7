"""Which detection belongs to which scored event: one to one, and how sure a share of few is.

**Rule.** A detection and a scored event may be a pair when the two intervals, each from its onset to its end, overlap
or lie no further apart than a tolerance. Of all such pairs as many are taken as can be without using anything twice;
where there is a choice, ends that are nearest to each other come first. So a detection over two events hits one of
them, a second detection of the same event is false, and each event is hit once or missed.

Points in time (a breath against its inspiration) are intervals without length.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

Interval = tuple[float, float]
"""Onset and end, in s."""

APNEA_TOLERANCE_S = 10.0
"""A device rounds durations to seconds, and stamps an apnea where it became sure of its end; an apnea's own shortest
length is what the interval may miss. How many pairs need it is printed beside the hits."""

INSPIRATION_TOLERANCE_S = 0.3
"""Of the carefully read inspirations of the sample recordings."""


def overlap(one: Interval, other: Interval, tolerance_s: float = 0.0) -> bool:
    """Whether two intervals overlap or lie no further apart than the tolerance."""
    return one[0] <= other[1] + tolerance_s and one[1] >= other[0] - tolerance_s


def pairs(found: Sequence[Interval], scored: Sequence[Interval], tolerance_s: float) -> list[tuple[int, int]]:
    """Pair detections with scored events.

    Parameters
    ----------
    found, scored : sequence of (float, float)
        Onset and end of each, in s, in the order of their onsets.
    tolerance_s : float
        How far apart the two of a pair may lie.

    Returns
    -------
    list of (int, int)
        Positions in `found` and in `scored`, by the latter; the largest possible number of pairs.
    """
    wanted = []
    for event in scored:
        near = [(abs(one[1] - event[1]), at) for at, one in enumerate(found) if overlap(one, event, tolerance_s)]
        wanted.append(sorted(near))
    taken: dict[int, int] = {}
    for event in sorted(range(len(scored)), key=lambda event: wanted[event][:1]):
        _give(event, wanted, taken, set())
    return sorted(((at, event) for at, event in taken.items()), key=lambda pair: pair[1])


def _give(event: int, wanted: list[list[tuple[float, int]]], taken: dict[int, int], asked: set[int]) -> bool:
    """Find a detection for an event, moving others to their next choice where that helps (augmenting paths)."""
    for free_only in (True, False):
        for _, at in wanted[event]:
            if free_only and at not in taken:
                taken[at] = event
                return True
            if not free_only and at not in asked:
                asked.add(at)
                if _give(taken[at], wanted, taken, asked):
                    taken[at] = event
                    return True
    return False


def wilson(hits: int, of: int, z: float = 1.96) -> Interval:
    """The 95 % interval of a share (E. B. Wilson 1927), which holds for few and for shares of 0 and 1 as well."""
    if of == 0:
        return 0.0, 1.0
    share, spread = hits / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / of + spread / (4 * of))
    return max(0.0, middle - half), min(1.0, middle + half)
