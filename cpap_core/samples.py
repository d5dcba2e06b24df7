"""Samples of whoever calls, in the one form that everything here works on."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def as_samples(values: ArrayLike) -> NDArray[np.float32]:
    """Give values as a plain array of float32; an array that is one already comes back as it is.

    Parameters
    ----------
    values : array of any shape
        What is masked is missing, and becomes NaN; what float32 cannot hold becomes infinite, which is missing too.
    """
    if type(values) is np.ndarray and values.dtype == np.float32:
        return values
    with np.errstate(over="ignore"):
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float32), np.nan)
        return np.asarray(values, np.float32)
