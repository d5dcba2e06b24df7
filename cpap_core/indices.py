"""Numbers that follow from breaths."""

from __future__ import annotations

from collections.abc import Sequence


def mean(values: Sequence[float]) -> float | None:
    """Arithmetic mean; None of nothing."""
    return sum(values) / len(values) if values else None


def respiratory_rate_per_min(onsets_s: Sequence[float]) -> float | None:
    """60 / mean breath interval, from onsets in s in order; None for fewer than two.

    A ResMed device's own rate is this of the last six onsets.
    """
    if len(onsets_s) < 2:
        return None
    return 60 * (len(onsets_s) - 1) / (onsets_s[-1] - onsets_s[0])


def minute_ventilation_lpm(tidal_volume_ml: float | None, rate_per_min: float | None) -> float | None:
    """Tidal volume times respiratory rate, in L/min; None where one of them is unknown."""
    if tidal_volume_ml is None or rate_per_min is None:
        return None
    return tidal_volume_ml * rate_per_min / 1000


def leak_lpm(cycles: Sequence[tuple[float, float]]) -> float | None:
    """Mean flow over whole breaths, in L/min; None without any.

    What is breathed in is breathed out again, so that over whole breaths only the leak remains.

    Parameters
    ----------
    cycles : sequence of (float, float)
        For each breath the sum of its flow samples in L/min and their number.
    """
    samples = sum(count for _, count in cycles)
    return sum(flow for flow, _ in cycles) / samples if samples else None
