"""How flat an inspiration is: a narrowed airway lets no more through, however hard one breathes in."""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np

from .jit import inner
from .rows import LOOKED_BACK


@inner
def flattening(s):
    """Tell from 0, round as a half sine or rounder, to 1, flat; NaN where too few steps show it.

    The mean flow of an inspiration's middle half is 0.9 of its peak for a half sine, and all of it for a plateau.
    """
    steps = min(s.steps - s.phase_began, LOOKED_BACK)
    if steps < s.fewest_flat:
        return np.nan
    quarter = steps // 4
    total = 0.0
    highest = -np.inf
    for k in range(quarter, steps - quarter):
        flow = s.means[s.steps - 1 - k - s.gone] - s.baseline
        total += flow
        highest = max(highest, flow)
    if highest <= 0.0:
        return np.nan
    share = total / (steps - 2 * quarter) / highest
    return min(1.0, max(0.0, (share - s.round_share) / (1.0 - s.round_share)))
