"""F35: raw counts and foreign units to L/min and cmH2O."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpap_core.conversion import (
    FLOW_UNITS_LPM,
    counts_to_cmh2o,
    counts_to_lpm,
    flow_and_pressure_from_counts,
    flow_to_lpm,
)
from tests.core.recordings import breathing, counts_of


def flow_by_the_book(p2: float, p1_ins: float, p1_exp: float) -> float:
    """F35 word by word for one sample, in L/min."""

    def pascal(count: float) -> float:
        return 25.4 / (14745 - 1638) * (count - 1638) * 98.0665

    a1, a2 = math.pi * 0.015**2 / 4, math.pi * 0.012**2 / 4
    inspiratory = p1_ins >= p1_exp
    dp = max(0.0, pascal(p1_ins if inspiratory else p1_exp) - pascal(p2))
    flow = a1 * math.sqrt(2 * dp / (1.199 * ((a1 / a2) ** 2 - 1)))
    return 60_000 * (flow if inspiratory else -flow)


@pytest.mark.holds("F35.1")
def test_f35_count_1638_is_0_and_14745_is_25_4_cmh2o() -> None:
    assert counts_to_cmh2o([1638, 14745]).tolist() == pytest.approx([0.0, 25.4])


@pytest.mark.holds("F35.2")
@given(st.lists(st.tuples(*[st.floats(0, 16383)] * 3), min_size=1, max_size=20))
def test_f35_flow_by_the_book(rows: list[tuple[float, float, float]]) -> None:
    flow = counts_to_lpm(*np.array(rows).T)
    book = np.array([flow_by_the_book(*row) for row in rows])
    # Compared as the pressure difference that they stand for: the root of a difference that cancels is all rounding.
    assert (flow * abs(flow)).tolist() == pytest.approx((book * abs(book)).tolist(), rel=1e-9, abs=1e-9)


@pytest.mark.holds("F35.2")
def test_f35_flow_is_positive_towards_the_patient_also_at_equal_pressures() -> None:
    assert counts_to_lpm([4000, 4000, 4000], [4100, 4100, 1638], [1638, 4100, 4100]).tolist() == pytest.approx(
        [flow_by_the_book(4000, 4100, 1638), flow_by_the_book(4000, 4100, 4100), -flow_by_the_book(4000, 4100, 1638)]
    )


@pytest.mark.holds("F38.1")
def test_f38_a_neck_pressure_above_the_upstream_one_is_no_flow() -> None:
    flow = counts_to_lpm([4200, 4200], [4100, 1638], [1638, 4100])
    assert np.all(flow == 0)


@pytest.mark.holds("F35.3")
def test_f35_airway_pressure_is_the_larger_of_venturi_1s_two() -> None:
    _, pressure = flow_and_pressure_from_counts([[4000, 4100, 1638, 0, 9999, 0], [4000, 1638, 5000, 0, 0, 9999]])
    assert pressure.tolist() == pytest.approx(counts_to_cmh2o([4100, 5000]).tolist(), rel=1e-6)


def test_inverting_f35_gives_the_flow_back() -> None:
    flow = breathing([1.0, 5.0], 8.0, 50.0)
    back, pressure = flow_and_pressure_from_counts(counts_of(flow, pressure_cmh2o=9.0))
    assert back == pytest.approx(flow, abs=1e-4)
    assert pressure == pytest.approx(np.full(len(flow), 9.0), abs=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_count_of_venturi_1_that_is_not_finite_makes_the_sample_a_gap(bad: float, channel: int) -> None:
    counts = np.full((3, 6), 4000.0)
    counts[1, channel] = bad
    for samples in flow_and_pressure_from_counts(counts):
        assert np.isnan(samples).tolist() == [False, True, False]


def test_venturi_2_may_fail_without_loss() -> None:
    counts = np.full((3, 6), 4000.0)
    counts[:, 3:] = np.nan
    for samples in flow_and_pressure_from_counts(counts):
        assert np.isfinite(samples).all()


@given(st.lists(st.integers(0, 60), max_size=6))
def test_chunks_are_converted_to_the_same_bits(cuts: list[int]) -> None:
    counts = counts_of(breathing([0.7, 4.0], 6.0, 10.0)) + np.random.default_rng(3).normal(0, 5, (60, 6))
    whole = np.stack(flow_and_pressure_from_counts(counts))
    chunks = [flow_and_pressure_from_counts(chunk) for chunk in np.split(counts, sorted(cuts))]
    assert np.concatenate(chunks, axis=1).tobytes() == whole.tobytes()


@pytest.mark.parametrize(("unit", "flow"), [("L/s", 0.5), ("L/min", 30.0), ("m3/s", 0.0005)])
def test_units_of_flow(unit: str, flow: float) -> None:
    converted = flow_to_lpm([flow, -flow, np.nan, np.inf], unit)
    assert converted.dtype == np.float32
    assert converted.tolist() == pytest.approx([30.0, -30.0, np.nan, np.nan], nan_ok=True)


def test_an_unknown_unit_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="'gal/h' is unknown: use one of L/s, L/min, m3/s"):
        flow_to_lpm([1.0], "gal/h")
    assert list(FLOW_UNITS_LPM) == ["L/s", "L/min", "m3/s"]


def test_flow_beyond_float32_is_a_gap_not_infinite() -> None:
    assert np.isnan(flow_to_lpm([1e300], "L/s")).all()


def test_counts_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(4, 3\), expected \(n_samples, 6\)"):
        flow_and_pressure_from_counts(np.zeros((4, 3)))
