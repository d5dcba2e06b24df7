"""Which detection belongs to what was true: one to one.

**Rule.** A detection and a true interval may be a pair when they overlap or lie no further apart than a tolerance.
Going through both in the order of time, each takes the first that is still free, which pairs as many as can be where
neither list overlaps itself. A second detection of the same thing is false; a detection over two things hits one.
"""

from __future__ import annotations

from collections.abc import Sequence

Interval = tuple[float, float]
"""Begin and end, in s; a moment has no length."""


def paired(found: Sequence[Interval], true: Sequence[Interval], tolerance_s: float) -> list[tuple[int, int]]:
    """Pair detections with what was true.

    Parameters
    ----------
    found, true : sequence of (float, float)
        Begin and end of each, in s, in order.
    tolerance_s : float
        How far apart the two of a pair may lie.

    Returns
    -------
    list of (int, int)
        Positions in `found` and in `true`, in order.
    """
    pairs = []
    at = 0
    for position, (begin, end) in enumerate(true):
        while at < len(found) and found[at][1] < begin - tolerance_s:
            at += 1
        if at < len(found) and found[at][0] <= end + tolerance_s:
            pairs.append((at, position))
            at += 1
    return pairs


def unpaired(pairs: Sequence[tuple[int, int]], found: int, true: int) -> tuple[list[int], list[int]]:
    """Positions of the false ones among `found` detections, and of the missed ones among `true`."""
    hit, met = {at for at, _ in pairs}, {position for _, position in pairs}
    return [at for at in range(found) if at not in hit], [at for at in range(true) if at not in met]
