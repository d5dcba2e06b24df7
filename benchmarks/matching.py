"""Which detection belongs to what was true: one to one.

**Rule.** A detection and a true interval may be a pair when they overlap or lie no further apart than a tolerance. Of
all that may, the two that share most time become a pair first, and of those that share as much the two that begin
nearest to each other; then the next two that are both still free. So a second detection of the same thing is false, a
detection over two things hits one, and no detection goes to a neighbour because it came first.
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
        Begin and end of each, in s, in the order of their begin.
    tolerance_s : float
        How far apart the two of a pair may lie.

    Returns
    -------
    list of (int, int)
        Positions in `found` and in `true`, in order.
    """
    candidates = []
    first = 0
    for position, (begin, end) in enumerate(true):
        while first < len(found) and found[first][1] < begin - tolerance_s:
            first += 1
        for at in range(first, len(found)):
            if found[at][0] > end + tolerance_s:
                break
            shared_s = min(end, found[at][1]) - max(begin, found[at][0])
            if shared_s >= -tolerance_s:
                candidates.append((-shared_s, abs(found[at][0] - begin), at, position))
    taken: set[int] = set()
    met: dict[int, int] = {}
    for _, _, at, position in sorted(candidates):
        if at not in taken and position not in met:
            taken.add(at)
            met[position] = at
    return sorted((at, position) for position, at in met.items())


def unpaired(pairs: Sequence[tuple[int, int]], found: int, true: int) -> tuple[list[int], list[int]]:
    """Positions of the false ones among `found` detections, and of the missed ones among `true`."""
    hit, met = {at for at, _ in pairs}, {position for _, position in pairs}
    return [at for at in range(found) if at not in hit], [at for at in range(true) if at not in met]
