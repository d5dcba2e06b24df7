"""The ingest contract, word by word, against a running server: what makes sense, and what does not."""

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import Any

import numpy as np
import pytest

from tests.app.live_server import LiveServer, wait_for
from tests.app.raw_device import RawDevice, breathing, frame, hello

NONSENSE, TAKEN, TOO_LARGE = 4400, 4409, 4413
RAW = [{"name": n, "unit": "counts"} for n in ("v1_p2", "v1_p1_ins", "v1_p1_exp", "v2_p2", "v2_p1_ins", "v2_p1_exp")]


@pytest.mark.holds("F40.1")
def test_samples_are_acknowledged_once_stored_and_found_as_breaths(server: LiveServer, room: int) -> None:
    """F40: frames in, acknowledgement out, and the room lists breaths and samples."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            assert await device.greet(f"s{room}") == 0
            for first in range(0, 1500, 12):
                await device.say(frame(first, breathing(min(12, 1500 - first), first=first)))
            await device.hear_ack(1500)
            row = server.rooms()[room]
            assert row["state"] == "live"
            assert row["samples_received"] == 1500
            assert row["respiratory_rate_per_min"] == pytest.approx(15, abs=0.3)

    asyncio.run(stream())
    assert 13 <= server.rooms()[room]["breaths"] <= 15


@pytest.mark.holds("F50.1")
def test_first_sample_begins_an_unidentified_stay(server: LiveServer, room: int) -> None:
    """F50: a room without a patient shows what comes, without an MRN."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            await device.say(frame(0, breathing(25)))
            await device.hear_ack(25)

    asyncio.run(stream())
    row = server.rooms()[room]
    assert (row["mrn"], row["patient_name"], row["state"]) == (None, None, "live")


def test_a_resumed_stream_goes_on_where_the_disk_ends(server: LiveServer, room: int) -> None:
    """Samples already stored are acknowledged again and not stored twice; a stream_id survives reconnection."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            await device.say(frame(0, breathing(100)))
            await device.hear_ack(100)
        async with RawDevice(server.url, room) as device:
            assert await device.greet(f"s{room}") == 100
            await device.say(frame(0, breathing(100)))
            await device.hear_ack(100)
            await device.say(frame(50, breathing(100, first=50)))
            await device.hear_ack(150)

    asyncio.run(stream())
    assert server.rooms()[room]["samples_received"] == 150


def test_an_index_beyond_the_next_one_is_a_gap(server: LiveServer, room: int) -> None:
    """A device whose buffer was full sends a gap; what was received stays the count of samples."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            await device.say(frame(0, breathing(50)))
            await device.say(frame(250, breathing(50, first=250)))
            await device.hear_ack(300)

    asyncio.run(stream())
    assert server.rooms()[room]["samples_received"] == 100


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("L/s", 1 / 60), ("L/min", 1.0), ("m3/s", 1 / 60_000)],
    ids=["L_per_s", "L_per_min", "m3_per_s"],
)
def test_units_of_flow(server: LiveServer, room: int, unit: str, factor: float) -> None:
    """Contract: flow comes in L/s, L/min or m3/s, with or without pressure."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}", channels=[{"name": "flow", "unit": unit}])
            await device.say(frame(0, breathing(1000)[:, :1].astype(float) * factor))
            await device.hear_ack(1000)

    asyncio.run(stream())
    assert server.rooms()[room]["respiratory_rate_per_min"] == pytest.approx(15, abs=0.3)


@pytest.mark.holds("F35.1", "F35.2")
def test_raw_counts(server: LiveServer, room: int) -> None:
    """F35: the six raw channels in counts, in any order."""
    flow = breathing(1000)[:, 0].astype(float)
    difference = np.abs(flow) * 8
    p1_ins, p1_exp = np.where(flow >= 0, 6000, 1638.0), np.where(flow < 0, 6000, 1638.0)
    p2 = 6000 - difference
    values = np.column_stack((p2, p1_ins, p1_exp, p2, p1_ins, p1_exp))

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}", channels=RAW[::-1])
            await device.say(frame(0, values[:, ::-1]))
            await device.hear_ack(1000)

    asyncio.run(stream())
    assert server.rooms()[room]["respiratory_rate_per_min"] == pytest.approx(15, abs=0.5)


@pytest.mark.parametrize("rate", [1, 10, 200])
def test_rates(server: LiveServer, room: int, rate: int) -> None:
    """Rates from 1 to 200 Hz."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}", sampling_rate_hz=rate)
            await device.say(frame(0, breathing(60 * rate, rate)))
            await device.hear_ack(60 * rate)

    asyncio.run(stream())
    assert server.rooms()[room]["samples_received"] == 60 * rate


BAD_HELLOS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown unit": ({"channels": [{"name": "flow", "unit": "gallons"}]}, "gallons"),
    "unknown channel": ({"channels": [{"name": "spo2", "unit": "%"}]}, "spo2"),
    "no channels": ({"channels": []}, "channels"),
    "channels are no list": ({"channels": 7}, "channels"),
    "five raw channels": ({"channels": RAW[:5]}, "v1_p2"),
    "rate 0": ({"sampling_rate_hz": 0}, "between 1 and 200"),
    "rate 10 000": ({"sampling_rate_hz": 10_000}, "between 1 and 200"),
    "rate as text": ({"sampling_rate_hz": "25"}, "sampling_rate_hz"),
    "rate true": ({"sampling_rate_hz": True}, "sampling_rate_hz"),
    "other protocol": ({"protocol": 2}, "protocol"),
    "empty stream_id": ({"stream_id": " "}, "stream_id"),
    "stream_id of 10 000 characters": ({"stream_id": "x" * 10_000}, "stream_id"),
    "no device": ({"device": None}, "device"),
    "start_time no number": ({"start_time": "yesterday"}, "start_time"),
    "start_time in milliseconds": ({"start_time": 1.7e12}, "start_time"),
    "start_time infinite": ({"start_time": math.inf}, "start_time"),
    "rate beyond any float": ({"sampling_rate_hz": 10**400}, "sampling_rate_hz"),
    "device with half a surrogate": ({"device": "\ud800"}, "device"),
    "channel with half a surrogate": ({"channels": [{"name": "\ud800", "unit": "L/s"}]}, "channels"),
    "stream_id of two lines": ({"stream_id": "a\nb"}, "stream_id"),
}


@pytest.mark.parametrize("changed", BAD_HELLOS)
def test_a_hello_that_makes_no_sense(server: LiveServer, room: int, changed: str) -> None:
    """Bad input: the contract's error names the field, the close code is 4400, and the room says so."""
    fields, named = BAD_HELLOS[changed]

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.say(json.dumps(hello(f"s{room}", **fields)))
            answer = await device.hear()
            assert answer is not None
            assert answer["type"] == "error"
            assert named in answer["message"]
            assert await device.hear() is None
            assert device.closed == NONSENSE

    asyncio.run(stream())
    assert server.rooms()[room]["state"] == "empty"


BAD_MESSAGES: dict[str, Any] = {
    "no JSON": "what?",
    "JSON without end": "[" * 200_000,
    "JSON but no object": "[1, 2]",
    "no type": "{}",
    "unknown type": '{"type": "dance"}',
    "second hello": hello("again"),
    "empty frame": b"",
    "header only": frame(0, np.zeros((0, 2))),
    "cut frame": frame(0, breathing(10))[:-3],
    "more bytes than it says": frame(0, breathing(10)) + b"abcd",
    "count of 4 billion": b"\0" * 8 + b"\xff\xff\xff\xff" + b"\0" * 16,
    "index beyond a week": frame(2**62, breathing(10)),
    "index at the top of uint64": frame(2**64 - 1, breathing(10)),
    "NaN everywhere": frame(0, np.full((25, 2), np.nan)),
    "infinity everywhere": frame(0, np.full((25, 2), np.inf)),
    "text where binary should be": frame(0, breathing(2)).hex(),
}


@pytest.mark.parametrize("name", BAD_MESSAGES)
def test_a_message_that_makes_no_sense(server: LiveServer, room: int, name: str) -> None:
    """Bad input after a good hello: error and 4400; the server and the other rooms go on."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            await device.say(BAD_MESSAGES[name])
            answer = await device.hear_type("error")
            assert len(answer["message"]) > 10
            assert await device.hear() is None
            assert device.closed == NONSENSE

    asyncio.run(stream())
    assert server.get("/health")[0] == 200


def test_a_counter_that_went_backward_is_told_from_a_resend(server: LiveServer, room: int) -> None:
    """Backward sequence: other samples under indices already received are refused, not silently dropped."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            await device.say(frame(0, breathing(200)))
            await device.hear_ack(200)
            await device.say(frame(0, breathing(50, first=37)))
            assert "backward" in (await device.hear_type("error"))["message"]
            assert await device.hear() is None
            assert device.closed == NONSENSE

    asyncio.run(stream())
    assert server.rooms()[room]["samples_received"] == 200


def test_nan_in_mid_stream_is_a_gap(server: LiveServer, room: int) -> None:
    """NaN marks a gap: a sensor that is off for a while does not end the stream."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            await device.say(frame(0, breathing(100)))
            await device.say(frame(100, np.full((50, 2), np.nan)))
            await device.say(frame(150, breathing(50, first=150)))
            await device.hear_ack(200)

    asyncio.run(stream())
    assert server.rooms()[room]["state"] == "live"


@pytest.mark.parametrize("megabytes", [2, 50])
def test_a_frame_too_large(server: LiveServer, room: int, megabytes: int) -> None:
    """Bad input: over 1 MiB the device reads the reason and 4413, though it was still sending."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            await device.say(bytes(megabytes * 1_000_000))
            assert "1048576" in (await device.hear_type("error"))["message"]
            assert await device.hear() is None
            assert device.closed == TOO_LARGE

    asyncio.run(stream())
    assert server.get("/health")[0] == 200


def test_a_frame_of_exactly_one_mebibyte_is_taken(server: LiveServer, room: int) -> None:
    """Contract: at most 1 MiB."""
    n = ((1 << 20) - 12) // 8

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            await device.say(frame(0, breathing(n)))
            await device.hear_ack(n)

    asyncio.run(stream())


def test_another_device_in_a_live_room(server: LiveServer, room: int) -> None:
    """4409 while the first is live; the first goes on undisturbed."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as first, RawDevice(server.url, room) as second:
            await first.greet(f"first{room}")
            await first.say(frame(0, breathing(25)))
            await first.hear_ack(25)
            await second.say(hello(f"second{room}"))
            assert "test device" in (await second.hear_type("error"))["message"]
            assert await second.hear() is None
            assert second.closed == TAKEN
            await first.say(frame(25, breathing(25, first=25)))
            await first.hear_ack(50)

    asyncio.run(stream())


def test_a_stream_after_its_end(server: LiveServer, room: int) -> None:
    """After `end` the recording is closed: its end is known, more samples are refused, a new stream begins at once."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            await device.say(frame(0, breathing(100)))
            await device.hear_ack(100)
            await device.say({"type": "end"})
        await asyncio.sleep(0.3)
        assert server.rooms()[room]["state"] == "silent"
        async with RawDevice(server.url, room) as device:
            assert await device.greet(f"s{room}") == 100
            await device.say(frame(100, breathing(10, first=100)))
            assert "ended" in (await device.hear_type("error"))["message"]
        async with RawDevice(server.url, room) as device:
            assert await device.greet(f"next{room}") == 0
            await device.say(frame(0, breathing(100)))
            await device.hear_ack(100)

    asyncio.run(stream())
    assert server.rooms()[room]["samples_received"] == 200


def test_a_stream_id_of_another_room(server: LiveServer, room: int) -> None:
    """One stream_id is one recording in one room."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            await device.say(frame(0, breathing(25)))
            await device.hear_ack(25)
        async with RawDevice(server.url, room + 100_000) as device:
            await device.say(hello(f"s{room}"))
            assert "another room" in (await device.hear_type("error"))["message"]

    asyncio.run(stream())


@pytest.mark.holds("F50.1")
def test_a_hello_alone_begins_no_stay(server: LiveServer, room: int) -> None:
    """F50: a stay begins by the first sample; a device that only says hello leaves no trace."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            assert await device.greet(f"s{room}") == 0
            await device.say({"type": "end"})
        await asyncio.sleep(0.1)

    asyncio.run(stream())
    assert room not in server.rooms()


def test_devices_that_guess_rooms_fill_no_wall(server: LiveServer, room: int) -> None:
    """Refused devices show in their rooms, but not in any number of rooms that nobody has heard of."""

    async def stream() -> None:
        for number in range(room + 200_000, room + 200_050):
            async with RawDevice(server.url, number) as device:
                await device.say("nonsense")
                assert await device.hear_type("error")

    asyncio.run(stream())
    assert sum(row["state"] == "empty" for row in server.rooms().values()) <= 32


def test_a_large_frame_of_a_slow_device_does_not_hold_the_others_up(server: LiveServer, room: int) -> None:
    """One legal frame of 1 MiB at 1 Hz is three days: the heartbeat of 0.5 s must go on meanwhile."""
    n = ((1 << 20) - 12) // 8

    async def stream() -> float:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}", sampling_rate_hz=1)
            await device.say(frame(0, breathing(n, 1)))
            return await asyncio.to_thread(_longest_wait, server, 1.5)

    assert asyncio.run(stream()) < 0.5


def _longest_wait(server: LiveServer, for_s: float) -> float:
    longest, until = 0.0, time.monotonic() + for_s
    while (begun := time.monotonic()) < until:
        assert server.get("/liveness")[0] == 200
        longest = max(longest, time.monotonic() - begun)
    return longest


def test_a_stream_id_that_changes_its_rate(server: LiveServer, room: int) -> None:
    """The same stream_id with another rate makes no sense."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            await device.say(frame(0, breathing(25)))
            await device.hear_ack(25)
        async with RawDevice(server.url, room) as device:
            await device.say(hello(f"s{room}", sampling_rate_hz=50))
            assert "25 Hz" in (await device.hear_type("error"))["message"]

    asyncio.run(stream())


@pytest.mark.parametrize("path", ["0", "99999999999"])
def test_a_room_that_is_no_room(server: LiveServer, path: str) -> None:
    """A room is a positive integer."""

    async def stream() -> None:
        async with RawDevice(server.url, path) as device:
            assert "positive integer" in (await device.hear_type("error"))["message"]
            assert await device.hear() is None
            assert device.closed == NONSENSE

    asyncio.run(stream())


def test_post(server: LiveServer, room: int) -> None:
    """`POST /ingest/rooms/<room>` answers the next sample once it is on disk; null is a gap; a resend is harmless."""
    rows: list[list[float | None]] = [[float(f), float(p)] for f, p in breathing(100)]
    rows[10] = [None, None]
    body = {**hello(f"s{room}"), "first_sample": 0, "samples": rows}
    assert server.post(f"/ingest/rooms/{room}", body) == (200, {"next_sample": 100})
    assert server.post(f"/ingest/rooms/{room}", body) == (200, {"next_sample": 100})
    del body["protocol"], body["type"]
    assert server.post(f"/ingest/rooms/{room}", {**body, "first_sample": 100}) == (200, {"next_sample": 200})
    assert server.rooms()[room]["samples_received"] == 200


BAD_POSTS: dict[str, tuple[Any, str]] = {
    "no JSON": (b"what?", "JSON"),
    "a list": ([], "object"),
    "no first_sample": ({"samples": [[1, 2]]}, "first_sample"),
    "negative first_sample": ({"first_sample": -1, "samples": [[1, 2]]}, "first_sample"),
    "no samples": ({"first_sample": 0, "samples": []}, "samples"),
    "a sample too short": ({"first_sample": 0, "samples": [[1]]}, "sample 0"),
    "a text in it": ({"first_sample": 0, "samples": [[1, 2], ["a", 2]]}, "sample 1"),
    "rate 0": ({"sampling_rate_hz": 0, "first_sample": 0, "samples": [[1, 2]]}, "sampling_rate_hz"),
    "JSON without end": (b"[" * 200_000, "JSON"),
    "nothing but gaps": ({"first_sample": 0, "samples": [[None, None]] * 10}, "NaN"),
}


@pytest.mark.parametrize("name", BAD_POSTS)
def test_a_post_that_makes_no_sense(server: LiveServer, room: int, name: str) -> None:
    """400 with the field in words, and nothing changes."""
    given, named = BAD_POSTS[name]
    body = {**hello(f"s{room}"), **given} if isinstance(given, dict) else given
    status, answer = server.post(f"/ingest/rooms/{room}", body)
    assert status == 400
    assert named in answer["error"]


def test_post_while_another_device_is_live(server: LiveServer, room: int) -> None:
    """409 by HTTP as 4409 by WebSocket."""
    first = {**hello(f"a{room}"), "first_sample": 0, "samples": [[1.0, 9.0]]}
    assert server.post(f"/ingest/rooms/{room}", first)[0] == 200
    assert server.post(f"/ingest/rooms/{room}", {**first, "stream_id": f"b{room}"})[0] == 409


def test_a_page_of_another_host_may_not_send_samples(server: LiveServer, room: int) -> None:
    """A browser that visits a hostile page must not become a device."""
    body = {**hello(f"s{room}"), "first_sample": 0, "samples": [[1.0, 9.0]]}
    assert server.post(f"/ingest/rooms/{room}", body, Origin="http://evil.example")[0] == 400


def test_a_plain_get_says_what_this_address_is(server: LiveServer, room: int) -> None:
    """Opened in a browser, it explains itself."""
    status, body = server.get(f"/ingest/rooms/{room}")
    assert status == 426
    assert b"WebSocket" in body


@pytest.mark.holds("F20.1", "F20.2")
def test_pressure_travels_back_and_is_confirmed(server: LiveServer, room: int) -> None:
    """F20: commanded, delivered on the same socket, applied; the same key commands once."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            await device.say(frame(0, breathing(25)))
            await device.hear_ack(25)
            path = f"/api/v1/rooms/{room}/pressure"
            status, command = await asyncio.to_thread(
                server.post, path, {"pressure_cmh2o": 12}, Idempotency_Key=f"k{room}"
            )
            assert (status, command["state"]) == (202, "delivered")
            asked = await device.hear_type("set_pressure")
            assert asked == {"type": "set_pressure", "command_id": f"k{room}", "pressure_cmh2o": 12}
            await device.say({"type": "applied", "command_id": f"k{room}", "pressure_cmh2o": 12})
            await asyncio.to_thread(wait_for, lambda: server.rooms()[room]["pressure_cmh2o"] == 12, 5, "the pressure")
            again = await asyncio.to_thread(server.post, path, {"pressure_cmh2o": 12}, Idempotency_Key=f"k{room}")
            assert (again[0], again[1]["state"]) == (202, "applied")

    asyncio.run(stream())


def test_a_command_waits_for_a_device_that_is_away(server: LiveServer, room: int) -> None:
    """A lost command can hurt somebody: what was commanded while the device was away is delivered when it is back."""

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            await device.say(frame(0, breathing(25)))
            await device.hear_ack(25)
        await asyncio.sleep(0.2)
        path = f"/api/v1/rooms/{room}/pressure"
        older = await asyncio.to_thread(server.post, path, {"pressure_cmh2o": 8}, Idempotency_Key=f"a{room}")
        newer = await asyncio.to_thread(server.post, path, {"pressure_cmh2o": 9}, Idempotency_Key=f"b{room}")
        assert (older[1]["state"], newer[1]["state"]) == ("commanded", "commanded")
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            assert (await device.hear_type("set_pressure"))["pressure_cmh2o"] == 9
            await device.say({"type": "refused", "command_id": f"b{room}", "reason": "mask off"})
            await asyncio.sleep(0.2)
        refused = await asyncio.to_thread(server.post, path, {"pressure_cmh2o": 9}, Idempotency_Key=f"b{room}")
        assert (refused[1]["state"], refused[1]["reason"]) == ("refused", "mask off")

    asyncio.run(stream())


def test_a_command_waits_for_a_connected_device_to_send_for_this_patient(server: LiveServer, room: int) -> None:
    """A device that stays connected while patients change hears what was commanded before its next sample."""
    at = f"/api/v1/rooms/{room}"

    def command(mrn: int, pressure: int, replaced: int | None = None) -> None:
        patient = {"mrn": mrn, "replaces_mrn": replaced}
        assert server.post(f"{at}/admission", patient, Idempotency_Key=f"admit{mrn}")[0] == 200
        given = server.post(f"{at}/pressure", {"pressure_cmh2o": pressure}, Idempotency_Key=f"set{mrn}")
        assert (given[0], given[1]["state"]) == (202, "commanded")

    async def stream() -> None:
        async with RawDevice(server.url, room) as device:
            await device.greet(f"s{room}")
            await asyncio.to_thread(command, 70_000 + room, 8)
            await device.say(frame(0, breathing(25)))
            assert (await device.hear_type("set_pressure"))["pressure_cmh2o"] == 8
            await device.hear_ack(25)
            await asyncio.to_thread(command, 80_000 + room, 9, 70_000 + room)
            await device.say(frame(25, breathing(50)[25:]))
            assert (await device.hear_type("set_pressure"))["pressure_cmh2o"] == 9

    asyncio.run(stream())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"pressure_cmh2o": 3}, "not between 4 and 25"),
        ({"pressure_cmh2o": 26}, "not between 4 and 25"),
        ({"pressure_cmh2o": 9.5}, "not an integer"),
        ({"pressure_cmh2o": "9"}, "not an integer"),
        ({"pressure_cmh2o": True}, "not an integer"),
        ({}, "pressure_cmh2o is missing"),
        ({"pressure_cmh2o": 22}, "give a reason"),
    ],
)
def test_a_pressure_that_may_not_be_commanded(server: LiveServer, room: int, body: dict[str, Any], words: str) -> None:
    """F2, F20: the hard range, and above the age's maximum only with a reason."""
    stay = {**hello(f"s{room}"), "first_sample": 0, "samples": [[1.0, 9.0]]}
    assert server.post(f"/ingest/rooms/{room}", stay)[0] == 200
    status, answer = server.post(f"/api/v1/rooms/{room}/pressure", body, Idempotency_Key=f"k{room}")
    assert status == 400
    assert words in answer["detail"]
    assert server.rooms()[room]["pressure_cmh2o"] is None


def test_a_room_without_a_patient_takes_no_command(server: LiveServer, room: int) -> None:
    """A command needs somebody whom it is for."""
    status, answer = server.post(f"/api/v1/rooms/{room}/pressure", {"pressure_cmh2o": 9}, Idempotency_Key="x")
    assert status == 400
    assert "no patient" in answer["detail"]
