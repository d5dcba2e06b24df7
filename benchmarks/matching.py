"""Which detection belongs to what was true, or to what a device scored: one to one, and how sure a share of few is.

**Rule.** A detection and a true interval may be a pair when they overlap or lie no further apart than a tolerance. Of
all such pairs as many are taken as can be without using anything twice; where there is a choice, those come first that
share most time, and of those that share as much the ones that begin nearest to each other. So a detection over two
things hits one of them, a second detection of the same thing is false, and each true thing is hit once or missed.

Points in time (a breath against its inspiration) are intervals without length.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import sqrt

Interval = tuple[float, float]
"""Begin and end, in s; a moment has no length."""

INSPIRATION_TOLERANCE_S = 0.3
"""Of the carefully read inspirations of the sample recordings."""


def shared_s(one: Interval, other: Interval) -> float:
    """Time that two intervals share, in s; where they share none, how far apart they lie, negative."""
    return min(one[1], other[1]) - max(one[0], other[0])


def paired(found: Sequence[Interval], true: Sequence[Interval], tolerance_s: float) -> list[tuple[int, int]]:
    """Pair detections with what was true.

    Parameters
    ----------
    found, true : sequence of (float, float)
        Begin and end of each, in s; what was found in the order of its begin.
    tolerance_s : float
        How far apart the two of a pair may lie.

    Returns
    -------
    list of (int, int)
        Positions in `found` and in `true`, in order of the latter; the largest possible number of pairs.
    """
    begins = [begin for begin, _ in found]
    longest_s = max((end - begin for begin, end in found), default=0.0)
    wanted: list[list[tuple[float, float, int]]] = []
    for begin, end in true:
        first, last = bisect_left(begins, begin - tolerance_s - longest_s), bisect_right(begins, end + tolerance_s)
        shared = [(at, shared_s(found[at], (begin, end))) for at in range(first, last)]
        wanted.append(sorted((-time_s, abs(begins[at] - begin), at) for at, time_s in shared if time_s >= -tolerance_s))
    taken: dict[int, int] = {}
    for position in sorted(range(len(true)), key=lambda position: wanted[position][:1]):
        _give(position, wanted, taken, set())
    return sorted(((at, position) for at, position in taken.items()), key=lambda pair: pair[1])


def _give(position: int, wanted: list[list[tuple[float, float, int]]], taken: dict[int, int], asked: set[int]) -> bool:
    """Find a detection for what was true, moving others to their next choice where that helps (augmenting paths)."""
    for free_only in (True, False):
        for _, _, at in wanted[position]:
            if free_only and at not in taken:
                taken[at] = position
                return True
            if not free_only and at not in asked:
                asked.add(at)
                if _give(taken[at], wanted, taken, asked):
                    taken[at] = position
                    return True
    return False


def unpaired(pairs: Sequence[tuple[int, int]], found: int, true: int) -> tuple[list[int], list[int]]:
    """Positions of the false ones among `found` detections, and of the missed ones among `true`."""
    hit, met = {at for at, _ in pairs}, {position for _, position in pairs}
    return [at for at in range(found) if at not in hit], [at for at in range(true) if at not in met]


def wilson(hits: int, of: int, z: float = 1.96) -> Interval:
    """The 95 % interval of a share (E. B. Wilson 1927), which holds for few and for shares of 0 and 1 as well."""
    if of == 0:
        return 0.0, 1.0
    share, spread = hits / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / of + spread / (4 * of))
    return max(0.0, middle - half), min(1.0, middle + half)
