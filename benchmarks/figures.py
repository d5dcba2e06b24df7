"""How figures are computed, shown and held to their requirements."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def quantiles_ms(seconds: Sequence[float] | NDArray[np.float64]) -> tuple[float, float, float]:
    """Median, 99th percentile and maximum in ms; NaN of nothing."""
    if len(seconds) == 0:
        return (float("nan"),) * 3
    values = np.asarray(seconds) * 1000
    return float(np.median(values)), float(np.percentile(values, 99)), float(values.max())


def load_now() -> str:
    """The machine's load over the last minute, to be read beside each figure."""
    return f"load {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores"


def show(label: str, text: str) -> None:
    """Print one figure."""
    print(f"  {label:<40}{text}", flush=True)


class Requirements:
    """Holds figures to their bounds; a bench ends with `exit_code`."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    @property
    def exit_code(self) -> int:
        """0 where every figure met its requirement."""
        return 1 if self.missed else 0

    def at_most(self, what: str, figure: float, bound: float, unit: str = "") -> None:
        """A figure that must not exceed its bound; what could not be measured (NaN) misses it."""
        self._judge(what, figure <= bound, f"{_short(figure)} {unit}".strip(), f"at most {bound:g} {unit}".strip())

    def at_least(self, what: str, figure: float, bound: float, unit: str = "") -> None:
        """A figure that must reach its bound."""
        self._judge(what, figure >= bound, f"{_short(figure)} {unit}".strip(), f"at least {bound:g} {unit}".strip())

    def _judge(self, what: str, met: bool, figure: str, bound: str) -> None:
        if not met:
            self.missed.append(what)
        show(what, f"{figure}, required {bound}: {'met' if met else 'NOT MET'}")


def _short(figure: float) -> str:
    return f"{figure:.3g}" if abs(figure) < 1000 else f"{figure:.0f}"
