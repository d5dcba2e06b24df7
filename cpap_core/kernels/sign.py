"""Whether flow has its sign: breathing out begins steeply, since the chest recoils, and breathing in begins slowly.

So the slope of flow is skewed to the negative, whatever baseline and amplitude. On the ResMed nights five minutes of it
have a skewness of -3.8 to 0.2, those of inverted flow of -1.0 to 3.8 (19 of 20 above 0.9).
"""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

from .jit import inner


@inner
def note_sign(s):
    """Decide at the end of a breath, from the long means of the slope's second and third power; count how long."""
    skewed = s.slope_cube > 0.0 and s.slope_cube**2 > s.inverted_skewness**2 * s.slope_square**3
    s.inverted = 1 if skewed and s.steps >= s.slope_memory else 0
    if s.inverted:
        s.inverted_samples += s.step * (s.steps - s.cycle_began)
