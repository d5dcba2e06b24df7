"""Samples as a short string: what a trace's integers are on their way to the page.

A page gets 30 s of every room when it joins, and the difference of two neighbours mostly fits one character. The first
value, and any that is further from the one before it than a character can say, is written in full.

    ` `            a gap
    `!` abc        a value in full: three digits to the base 91
    any other      the value before it and a difference of -45 to 45

All characters are printable ASCII without `"` and `\\`, so JSON adds nothing to them. `unpack` has a twin in
`assets/js/packing.js`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BASE = 91
SMALL = BASE // 2
LIMIT = BASE**3 // 2
"""No value is further from 0; a wilder one is written as this."""
GAP, FULL = " ", "!"
DIGITS = "".join(chr(code) for code in range(0x23, 0x7F) if code != 0x5C)
SHORT = 16
"""Up to about this length a loop is quicker than numpy: 3 against 24 us for three values, 315 against 48 for 750."""

_CODES = np.frombuffer(DIGITS.encode(), np.uint8)
_PLACE = {digit: place for place, digit in enumerate(DIGITS)}


def pack(values: NDArray[np.floating], steps: float) -> str:
    """Write values in whole `steps` per unit; NaN and infinities are gaps.

    Parameters
    ----------
    values : array of shape (n_samples,)
        In their unit, such as L/min.
    steps : float
        10 writes a value of 1.23 as 12.
    """
    return _pack_short(values, steps) if len(values) <= SHORT else _pack_long(values, steps)


def unpack(text: str) -> list[int | None]:
    """Read the integers again; None is a gap."""
    found: list[int | None] = []
    value, at = 0, 0
    while at < len(text):
        character = text[at]
        at += 1
        if character == GAP:
            found.append(None)
            continue
        if character == FULL:
            a, b, c = (_PLACE[digit] for digit in text[at : at + 3])
            value = (a * BASE + b) * BASE + c - LIMIT
            at += 3
        else:
            value += _PLACE[character] - SMALL
        found.append(value)
    return found


def _pack_short(values: NDArray[np.floating], steps: float) -> str:
    written: list[str] = []
    before: int | None = None
    for scaled in (values.astype(np.float64) * steps).tolist():
        if not -np.inf < scaled < np.inf:
            written.append(GAP)
            continue
        value = max(-LIMIT, min(LIMIT, round(scaled)))
        if before is not None and -SMALL <= value - before <= SMALL:
            written.append(DIGITS[value - before + SMALL])
        else:
            high, low = divmod(value + LIMIT, BASE)
            written.append(FULL + DIGITS[high // BASE] + DIGITS[high % BASE] + DIGITS[low])
        before = value
    return "".join(written)


def _pack_long(values: NDArray[np.floating], steps: float) -> str:
    scaled = values.astype(np.float64) * steps
    known = np.flatnonzero(np.isfinite(scaled))
    integers = np.clip(np.rint(scaled[known]), -LIMIT, LIMIT).astype(np.int64)
    difference = np.diff(integers, prepend=integers[:1] + BASE)  # the first is always written in full
    small = np.abs(difference) <= SMALL
    characters = np.full((len(values), 4), ord(GAP), np.uint8)
    written = np.zeros((len(values), 4), bool)
    written[:, 0] = True
    written[known[~small]] = True
    high, low = np.divmod(integers + LIMIT, BASE)
    characters[known, 0] = np.where(small, _CODES[np.where(small, difference, 0) + SMALL], ord(FULL))
    for column, digit in enumerate((high // BASE, high % BASE, low), 1):
        characters[known, column] = _CODES[digit]
    return characters[written].tobytes().decode()
