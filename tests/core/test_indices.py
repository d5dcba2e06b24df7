"""The live numbers follow from breaths as ResMed's own do."""

from __future__ import annotations

import pytest

from cpap_core.indices import leak_lpm, mean, minute_ventilation_lpm, respiratory_rate_per_min


def test_rate_is_sixty_over_the_mean_breath_interval() -> None:
    assert respiratory_rate_per_min([0, 3, 8]) == pytest.approx(15)
    assert respiratory_rate_per_min([2.0, 6.0]) == pytest.approx(15)


def test_fewer_than_two_onsets_have_no_rate() -> None:
    assert respiratory_rate_per_min([]) is None
    assert respiratory_rate_per_min([7.0]) is None


def test_minute_ventilation_is_volume_times_rate() -> None:
    assert minute_ventilation_lpm(500, 14) == pytest.approx(7)
    assert minute_ventilation_lpm(None, 14) is None
    assert minute_ventilation_lpm(500, None) is None


def test_leak_is_the_mean_flow_weighted_by_time() -> None:
    assert leak_lpm([(100 * 5.0, 100), (300 * 9.0, 300)]) == pytest.approx(8)
    assert leak_lpm([]) is None


def test_the_mean_of_nothing_is_unknown() -> None:
    assert mean([]) is None
    assert mean([400.0, 500.0]) == 450
