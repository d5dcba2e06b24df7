"""Samples on the wire: the short string says exactly the integers, whatever they are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor_app.push import packing
from monitor_app.push.packing import pack, unpack

STEPS = 10.0
SAMPLES = st.lists(
    st.one_of(st.floats(-200, 200, width=32), st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0])),
    max_size=60,
)


def plainly(values: list[float]) -> list[int | None]:
    """What must be read, one value after the other."""
    rounded = [round(v * STEPS) if np.isfinite(v) else None for v in np.float32(values).astype(float).tolist()]
    return [v if v is None else max(-packing.LIMIT, min(packing.LIMIT, v)) for v in rounded]


@given(SAMPLES)
def test_what_is_written_is_read(values: list[float]) -> None:
    """Any flow, gaps and nonsense among it; the loop and the array way write the same."""
    array = np.float32(values)
    text = pack(array, STEPS)
    assert unpack(text) == plainly(values)
    assert packing._pack_short(array, STEPS) == packing._pack_long(array, STEPS) == text


@given(SAMPLES)
def test_json_adds_nothing_to_it(values: list[float]) -> None:
    """Neither an escape nor a second byte for a character."""
    text = pack(np.float32(values), STEPS)
    assert json.dumps(text).encode() == b'"' + text.encode() + b'"'


@pytest.mark.parametrize("rate_hz", [25, 100])
def test_breathing_takes_about_a_character_for_each_sample(rate_hz: int) -> None:
    """30 s of breathing at 500 ml; what a wall of 64 rooms loads with its page stays small by this."""
    t = np.arange(30 * rate_hz) / rate_hz
    assert len(pack(30 * np.sin(2 * np.pi * t / 4), STEPS)) < 1.05 * len(t)
