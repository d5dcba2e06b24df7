"""What a device may say, checked word by word; nothing here knows of sockets."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cpap_core.conversion import FLOW_UNITS_LPM, RAW_CHANNELS, flow_and_pressure_from_counts, flow_to_lpm
from cpap_core.rules import MAXIMUM_RATE_HZ, MINIMUM_RATE_HZ
from cpap_core.types import Samples
from monitor_app.ward import StreamRefused, StreamSpec

PROTOCOL = 1
MAX_FRAME_BYTES = 1 << 20
MAX_TEXT_CHARACTERS = 200
MAX_CHANNELS = 16
MAX_ROOM = 2**31 - 1
HEADER = struct.Struct("<QI")
FIRST_EPOCH_S, LAST_EPOCH_S = 0.0, 4102444800.0
"""1970 to 2100: outside it a start time is no date."""

FLOW = "flow"
PRESSURE = "airway_pressure"


class Frame(NamedTuple):
    """Consecutive samples in L/min and cmH2O."""

    first_sample: int
    flow_lpm: Samples
    airway_pressure_cmh2o: Samples | None

    def first(self, n_samples: int) -> Frame:
        """The first samples, or all."""
        pressure = self.airway_pressure_cmh2o
        return Frame(self.first_sample, self.flow_lpm[:n_samples], None if pressure is None else pressure[:n_samples])

    def after(self, n_samples: int) -> Frame | None:
        """What follows the first samples; None where nothing does."""
        if n_samples >= self.flow_lpm.shape[0]:
            return None
        pressure = self.airway_pressure_cmh2o
        rest = None if pressure is None else pressure[n_samples:]
        return Frame(self.first_sample + n_samples, self.flow_lpm[n_samples:], rest)


def parse_message(text: str) -> dict[str, Any]:
    """A device's text message as a dictionary with a type."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StreamRefused(f"text message is no JSON: {str(error)[:100]}; samples are sent as binary frames") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise StreamRefused('a text message is a JSON object with a "type", such as {"type": "hello", ...}')
    return message


def parse_hello(message: dict[str, Any]) -> StreamSpec:
    """Check a hello (or the same fields of a POST) and give what it says.

    Raises
    ------
    StreamRefused
        Names the field, its value and what it must be.
    """
    if message.get("protocol") != PROTOCOL:
        raise StreamRefused(f"protocol is {message.get('protocol')!r}, this server speaks {PROTOCOL}")
    rate = _number(message, "sampling_rate_hz")
    if not MINIMUM_RATE_HZ <= rate <= MAXIMUM_RATE_HZ:
        raise StreamRefused(
            f"sampling_rate_hz is {rate:g}, it must lie between {MINIMUM_RATE_HZ:g} and {MAXIMUM_RATE_HZ:g}"
        )
    start_time = _number(message, "start_time")
    if not FIRST_EPOCH_S <= start_time <= LAST_EPOCH_S:
        raise StreamRefused(f"start_time is {start_time:g}, it must be epoch seconds (1970 to 2100) of sample 0")
    channels = _channels(message.get("channels"))
    return StreamSpec(
        stream_id=_text(message, "stream_id"),
        device=_text(message, "device"),
        sampling_rate_hz=rate,
        channels=channels,
        start_time=start_time,
    )


def check_beginning(frame: Frame) -> Frame:
    """Refuse a first frame without one value.

    Later on NaN is a gap; a stream that begins with nothing else has its sensor unplugged or its bytes wrong.
    """
    if np.isnan(frame.flow_lpm).all():
        raise StreamRefused("every flow sample of the first frame is NaN; check the sensor and the byte order")
    return frame


def parse_frame(data: bytes, spec: StreamSpec) -> Frame:
    """Check a binary frame and convert it to L/min and cmH2O."""
    if len(data) < HEADER.size:
        raise StreamRefused(f"a frame of {len(data)} bytes is shorter than its header of {HEADER.size}")
    first, count = HEADER.unpack_from(data)
    expected = HEADER.size + 4 * count * len(spec.channels)
    if count == 0 or len(data) != expected:
        raise StreamRefused(
            f"a frame that says {count} samples of {len(spec.channels)} channels has {expected} bytes: got {len(data)}"
        )
    values = np.frombuffer(data, "<f4", offset=HEADER.size).reshape(count, len(spec.channels))
    return convert(first, values, spec)


def parse_rows(body: dict[str, Any], spec: StreamSpec) -> Frame:
    """Check the samples of a POST: `first_sample` and `samples`, a list of lists; null is a gap."""
    first = body.get("first_sample")
    if isinstance(first, bool) or not isinstance(first, int) or not 0 <= first < 2**63:
        raise StreamRefused(f"first_sample is {first!r}, it must be an integer of 0 or more")
    rows = body.get("samples")
    if not isinstance(rows, list) or not rows:
        raise StreamRefused("samples must be a list of at least one sample, each a list of one number for a channel")
    width = len(spec.channels)
    for at, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != width:
            raise StreamRefused(f"sample {at} is not a list of {width} numbers, one for each channel")
        for value in row:
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise StreamRefused(f"sample {at} has {value!r}, which is no number; null is a gap")
    try:
        values = np.array(rows, dtype=np.float64).astype(np.float32)
    except (OverflowError, ValueError):
        raise StreamRefused("a sample has a number beyond what 32-bit floats hold") from None
    return convert(first, values, spec)


def convert(first: int, values: NDArray[np.float32], spec: StreamSpec) -> Frame:
    """Values of shape (n_samples, n_channels) in the device's units, as flow and pressure."""
    names = [name for name, _ in spec.channels]
    if names[0] in RAW_CHANNELS:
        order = [names.index(name) for name in RAW_CHANNELS]
        flow, pressure = flow_and_pressure_from_counts(values[:, order])
        return Frame(first, flow, pressure)
    at = names.index(FLOW)
    flow = flow_to_lpm(values[:, at], spec.channels[at][1])
    if PRESSURE not in names:
        return Frame(first, flow, None)
    pressure = np.where(np.isfinite(p := values[:, names.index(PRESSURE)]), p, np.float32(np.nan)).astype(np.float32)
    return Frame(first, flow, pressure)


def parse_room(text: str) -> int:
    """A room's number from the path."""
    number = int(text)
    if not 1 <= number <= MAX_ROOM:
        raise StreamRefused(f"room {text} is no room: use a positive integer up to {MAX_ROOM}")
    return number


def _channels(given: Any) -> tuple[tuple[str, str], ...]:
    shape = '[{"name": "flow", "unit": "L/s"}, {"name": "airway_pressure", "unit": "cmH2O"}] or the six raw channels'
    if not isinstance(given, list) or not given or not all(isinstance(c, dict) for c in given):
        raise StreamRefused(f"channels must be a list such as {shape}")
    channels = tuple((ascii(c.get("name"))[1:-1], ascii(c.get("unit"))[1:-1]) for c in given[:MAX_CHANNELS])
    names = [name for name, _ in channels]
    if set(names) == set(RAW_CHANNELS) and len(names) == len(RAW_CHANNELS):
        _units(channels, dict.fromkeys(RAW_CHANNELS, ("counts",)))
    elif sorted(names) in ([FLOW], [PRESSURE, FLOW]):
        _units(channels, {FLOW: tuple(FLOW_UNITS_LPM), PRESSURE: ("cmH2O",)})
    else:
        raise StreamRefused(f"channels are {', '.join(names)[:MAX_TEXT_CHARACTERS]}; they must be {shape}")
    return channels


def _units(channels: Sequence[tuple[str, str]], allowed: dict[str, tuple[str, ...]]) -> None:
    for name, unit in channels:
        if unit not in allowed[name]:
            known = ", ".join(allowed[name])
            raise StreamRefused(f"unit of {name} is {unit[:MAX_TEXT_CHARACTERS]!r}, known are: {known}")


def _number(message: dict[str, Any], key: str) -> float:
    value = message.get(key)
    if not isinstance(value, bool) and isinstance(value, (int, float)):
        with suppress(OverflowError):
            if math.isfinite(number := float(value)):
                return number
    raise StreamRefused(f"{key} is {repr(value)[:50]}, it must be a finite number")


def _text(message: dict[str, Any], key: str) -> str:
    value = message.get(key)
    if not isinstance(value, str) or not value.strip():
        raise StreamRefused(f"{key} is {repr(value)[:50]}, it must be a text that is not empty")
    if not value.isprintable():
        raise StreamRefused(f"{key} is {value[:50]!r}, it must be printable text")
    if len(value) > MAX_TEXT_CHARACTERS:
        raise StreamRefused(f"{key} has {len(value)} characters, at most {MAX_TEXT_CHARACTERS} are allowed")
    return value
