"""The bedside device against the contract's server side (DESIGN.md, Contract: Ingest and Restart)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from monitor_app.bedside.buffer import UnacknowledgedSamples
from monitor_app.bedside.device import BedsideDevice
from monitor_app.bedside.link import LinkRefusedError, ingest_url
from tests.app.contract_server import QUICK, ContractServer, contract_server


def counting(first: int, n: int) -> np.ndarray:
    """Samples whose flow is their own index, so that a lost or doubled one shows; the pressure is minus that."""
    index = np.arange(first, first + n, dtype=np.float32)
    return np.column_stack([index, -index])


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - anything may be waited for
            await asyncio.sleep(0.005)


@asynccontextmanager
async def device_on(server: ContractServer, **options: Any) -> AsyncIterator[tuple[BedsideDevice, asyncio.Task[None]]]:
    settings = {"stream_id": "s", "sampling_rate_hz": 25, "start_time": 1000.0, "timing": QUICK} | options
    device = BedsideDevice(server.url, 101, **settings)
    link = asyncio.create_task(device.run())
    try:
        yield device, link
    finally:
        link.cancel()
        await asyncio.gather(link, return_exceptions=True)


def with_server(scenario: Callable[[ContractServer], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20), contract_server() as server:
            await scenario(server)

    asyncio.run(main())


def test_hello_frames_acknowledgements_and_end_are_the_contracts() -> None:
    async def scenario(server: ContractServer) -> None:
        async with device_on(server, device_name="bed 1", token="secret") as (device, link):
            assert await device.welcome() == 0
            device.send(0, counting(0, 5))
            device.send(5, counting(5, 3))
            await device.finish()
            await link
            assert server.hellos == [
                {
                    "type": "hello",
                    "protocol": 1,
                    "stream_id": "s",
                    "device": "bed 1",
                    "sampling_rate_hz": 25,
                    "channels": [{"name": "flow", "unit": "L/min"}, {"name": "airway_pressure", "unit": "cmH2O"}],
                    "start_time": 1000.0,
                }
            ]
            assert server.tokens == ["Bearer secret"]
            assert server.ended == ["s"]
            assert (device.acknowledged, device.unacknowledged) == (8, 0)
            np.testing.assert_array_equal(server.values("s"), counting(0, 8))

    with_server(scenario)


def test_nan_and_index_jumps_arrive_as_they_are() -> None:
    async def scenario(server: ContractServer) -> None:
        async with device_on(server) as (device, link):
            values = counting(0, 4)
            values[2] = math.nan
            device.send(0, values)
            device.send(1000, counting(1000, 2))
            await device.finish()
            await link
            got = server.values("s")
            assert len(server.stored["s"]) == 6
            np.testing.assert_array_equal(got[:4], values)
            np.testing.assert_array_equal(got[1000:], counting(1000, 2))

    with_server(scenario)


def test_every_sample_is_stored_once_through_lost_connections_and_a_restart() -> None:
    async def scenario(server: ContractServer) -> None:
        async with device_on(server) as (device, link):
            for k in range(60):
                device.send(k * 50, counting(k * 50, 50))
                await asyncio.sleep(0.005)
                if k in (10, 25):
                    server.kill_connections()
                if k == 40:
                    await server.stop()
                if k == 50:
                    assert not device.connected
                    assert device.problem == "the server cannot be reached"
                    server.start()
            await device.finish()
            await link
            assert len(server.hellos) >= 4
            assert len(server.stored["s"]) == 3000
            np.testing.assert_array_equal(server.values("s"), counting(0, 3000))

    with_server(scenario)


def test_samples_whose_acknowledgement_was_withheld_are_sent_again_after_a_restart() -> None:
    async def scenario(server: ContractServer) -> None:
        async with device_on(server) as (device, link):
            server.withhold_acks = server.lose_unacknowledged = True
            device.send(0, counting(0, 500))
            await until(lambda: len(server.frame_sizes) == 1)
            assert (device.unacknowledged, server.stored["s"]) == (500, {})
            server.withhold_acks = False
            server.kill_connections()
            await device.finish()
            await link
            np.testing.assert_array_equal(server.values("s"), counting(0, 500))

    with_server(scenario)


def test_a_full_buffer_drops_the_oldest_and_sends_a_gap() -> None:
    async def scenario(server: ContractServer) -> None:
        await server.stop()
        async with device_on(server, capacity=100) as (device, link):
            for first in range(0, 250, 10):
                device.send(first, counting(first, 10))
            assert (device.unacknowledged, device.dropped) == (100, 150)
            server.start()
            await device.finish()
            await link
            assert sorted(server.stored["s"]) == list(range(150, 250))

    with_server(scenario)


def test_a_frame_never_exceeds_one_mebibyte() -> None:
    async def scenario(server: ContractServer) -> None:
        channels = tuple(
            (name, "counts") for name in ("v1_p2", "v1_p1_ins", "v1_p1_exp", "v2_p2", "v2_p1_ins", "v2_p1_exp")
        )
        async with device_on(server, channels=channels) as (device, link):
            device.send(0, np.zeros((200_000, 6), np.float32))
            await device.finish()
            await link
            assert max(server.frame_sizes) <= 1 << 20
            assert len(server.stored["s"]) == 200_000

    with_server(scenario)


def test_a_new_device_goes_on_where_the_stream_stopped() -> None:
    async def scenario(server: ContractServer) -> None:
        server.next_sample["s"] = 70
        async with device_on(server) as (device, link):
            assert await device.welcome() == 70
            device.send(0, counting(0, 100))
            await device.finish()
            await link
            assert sorted(server.stored["s"]) == list(range(70, 100))
            assert server.duplicates == 0

    with_server(scenario)


def test_a_commanded_pressure_is_applied_once_and_answered_each_time() -> None:
    async def scenario(server: ContractServer) -> None:
        applied: list[float] = []
        async with device_on(server, set_pressure=applied.append) as (device, _):
            await device.welcome()
            for _ in range(2):
                server.tell({"type": "set_pressure", "command_id": "c1", "pressure_cmh2o": 12})
            await until(lambda: len(server.answers) == 2)
            assert server.answers == [{"type": "applied", "command_id": "c1", "pressure_cmh2o": 12}] * 2
            assert applied == [12.0]

    with_server(scenario)


@pytest.mark.parametrize(
    ("pressure", "reason"),
    [
        (26, "the device delivers 4 to 25 cmH2O: got 26"),
        (math.nan, "the device delivers 4 to 25 cmH2O: got nan"),
        (9, "the humidifier is open"),
    ],
)
def test_a_pressure_it_cannot_deliver_is_refused_with_the_reason(pressure: float, reason: str) -> None:
    def broken(pressure_cmh2o: float) -> None:
        raise ValueError("the humidifier is open")

    async def scenario(server: ContractServer) -> None:
        async with device_on(server, set_pressure=broken) as (device, _):
            await device.welcome()
            server.tell({"type": "set_pressure", "command_id": "c2", "pressure_cmh2o": pressure})
            await until(lambda: bool(server.answers))
            assert server.answers == [{"type": "refused", "command_id": "c2", "reason": reason}]

    with_server(scenario)


@pytest.mark.parametrize("code", [4400, 4401, 4413])
def test_it_gives_up_with_one_line_where_waiting_does_not_help(code: int) -> None:
    async def scenario(server: ContractServer) -> None:
        server.refuse, server.refuse_times = (code, "unit of flow must be L/s, L/min or m3/s: got gal/h"), 99
        async with device_on(server) as (_, link):
            with pytest.raises(LinkRefusedError, match=r"Room 101: the server .*: unit of flow must be") as refusal:
                await link
            assert "\n" not in str(refusal.value)
            assert len(server.hellos) == 1

    with_server(scenario)


@pytest.mark.parametrize("code", [4409, 1013])
def test_it_waits_where_waiting_helps(code: int) -> None:
    async def scenario(server: ContractServer) -> None:
        server.refuse, server.refuse_times = (code, "not now"), 2
        async with device_on(server) as (device, link):
            device.send(0, counting(0, 10))
            await device.finish()
            await link
            assert len(server.hellos) == 3
            assert len(server.stored["s"]) == 10

    with_server(scenario)


def test_it_waits_for_a_server_that_is_starting_and_gives_up_on_a_wrong_address() -> None:
    async def scenario(server: ContractServer) -> None:
        server.http_status = 503
        async with device_on(server) as (device, link):
            await until(lambda: device.problem == "the server is not ready (HTTP 503)")
            server.http_status = 404
            with pytest.raises(LinkRefusedError, match="is no ingest address: it answers HTTP 404"):
                await link
        server.http_status = 401
        async with device_on(server) as (_, link):
            with pytest.raises(LinkRefusedError, match="does not permit this device"):
                await link

    with_server(scenario)


def test_a_server_that_stops_answering_is_noticed_and_left() -> None:
    async def scenario(server: ContractServer) -> None:
        async with device_on(server) as (device, link):
            await device.welcome()
            server.hearing.clear()
            device.send(0, counting(0, 10))
            await until(lambda: not device.connected, seconds=3)
            assert device.problem == "the server was silent for 0.5 s"
            server.hearing.set()
            await device.finish()
            await link
            np.testing.assert_array_equal(server.values("s"), counting(0, 10))

    with_server(scenario)


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("http://127.0.0.1:5006", "ws://127.0.0.1:5006/ingest/rooms/7"),
        ("https://lab.example/monitor/", "wss://lab.example/monitor/ingest/rooms/7"),
        ("ws://[::1]:80", "ws://[::1]:80/ingest/rooms/7"),
    ],
)
def test_addresses_may_be_http_or_ws_with_a_prefix(server: str, url: str) -> None:
    assert ingest_url(server, 7) == url


@pytest.mark.parametrize("server", ["127.0.0.1:5006", "ftp://host", "http://", ""])
def test_an_address_that_is_none_is_said(server: str) -> None:
    with pytest.raises(ValueError, match="address begins with"):
        ingest_url(server, 7)


def test_the_buffer_refuses_samples_out_of_order_or_shape() -> None:
    samples = UnacknowledgedSamples(2, 10)
    samples.append(0, counting(0, 5))
    with pytest.raises(ValueError, match="got sample 3, expected 5 or later"):
        samples.append(3, counting(3, 5))
    with pytest.raises(ValueError, match=r"shape \(n_samples, 2\): got \(5, 3\)"):
        samples.append(5, np.zeros((5, 3), np.float32))


def test_the_buffer_keeps_exactly_what_is_not_acknowledged() -> None:
    """Against a plain dict, over random appends, gaps and acknowledgements."""
    rng = np.random.default_rng(3)
    samples, plain, end = UnacknowledgedSamples(2, 40_000), dict[int, float](), 0
    for _ in range(300):
        first, n = end + int(rng.integers(0, 3)) * 7, int(rng.integers(0, 900))
        samples.append(first, counting(first, n))
        plain |= {i: float(i) for i in range(first, first + n) if i >= samples.acknowledged}
        end = first + n
        if rng.random() < 0.4:
            samples.acknowledge(int(rng.integers(samples.acknowledged, end + 1)))
        plain = dict(sorted(i for i in plain.items() if i[0] >= samples.acknowledged)[-samples.capacity :])
        kept, cursor = [], 0
        while (found := samples.at_or_after(cursor, 5000)) is not None:
            first, rows = found
            np.testing.assert_array_equal(rows, counting(first, len(rows)))
            kept += range(first, first + len(rows))
            cursor = first + len(rows)
        assert kept == list(plain)
        assert samples.count == len(plain)
