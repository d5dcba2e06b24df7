"""Where a step stands in its stretch of signal."""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

from .jit import inner


@inner
def position_of(s, step):
    """Give the middle of a step's moving average, in valid samples of the stretch; the first step is 1."""
    return step * s.step - 0.5 * (min(s.window, step) * s.step + 1)


@inner
def missing_at(s, step):
    """Count the stretch's missing samples before the middle of a step's moving average."""
    return s.missing_then[step - 1 - min(s.window, step) // 2 - s.gone]
