"""How figures are computed and shown."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np


def quantiles_ms(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Median, 99th percentile and maximum in ms; NaN of nothing."""
    if not seconds:
        return (float("nan"),) * 3
    values = np.asarray(seconds) * 1000
    return float(np.median(values)), float(np.percentile(values, 99)), float(values.max())


def load_now() -> str:
    """The machine's load over the last minute, to be read beside each figure."""
    return f"load {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores"


def show(label: str, text: str) -> None:
    """Print one figure."""
    print(f"  {label:<34}{text}", flush=True)
