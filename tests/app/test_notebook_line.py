"""A notebook's line to the server ends when its view does, at whatever moment that is (F43)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from monitor_app.notebook.link import WAIT_S, Line
from tests.app.live_server import LiveServer
from tests.app.raw_device import RawDevice, breathing, frame


def room_sessions(server: LiveServer) -> int:
    lines = server.get("/metrics")[1].decode().splitlines()
    return int(next(line for line in lines if line.startswith('breathwatch_sessions{page="/room"}')).split()[-1])


async def breathe(url: str, room: int) -> None:
    async with RawDevice(url, room) as device:
        await device.greet(f"line{room}")
        values = breathing(4000)
        for first in range(0, 4000, 2):
            await device.say(frame(first, values[first : first + 2]))
            await asyncio.sleep(0.02)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something has come."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what comes is not ours to signal
            await asyncio.sleep(0.05)


async def until_none_is_left(server: LiveServer) -> list[int]:
    """Sessions of room pages, every half second until none has been there for longer than a line waits to come back."""
    found: list[int] = []
    quiet = [0] * (2 * int(WAIT_S[1]) + 2)
    while found[-len(quiet) :] != quiet and len(found) < 60:
        await asyncio.sleep(0.5)
        found.append(await asyncio.to_thread(room_sessions, server))
    return found


@pytest.mark.holds("F43.2")
def test_a_line_that_is_closed_as_a_push_comes_stays_closed(
    server: LiveServer, room: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A second one would cost the server and the kernel for as long as the notebook is open."""

    async def story() -> list[int]:
        device = asyncio.create_task(breathe(server.url, room))
        closed = asyncio.Event()

        def close(_push: Any) -> None:
            line.close()
            closed.set()

        line = Line(server.url, {}, room, close)
        await closed.wait()
        found = await until_none_is_left(server)
        device.cancel()
        return found

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(story())[-1] == 0
    assert caplog.messages == []


@pytest.mark.holds("F43.2")
def test_a_line_that_is_closed_at_any_moment_leaves_nothing(server: LiveServer, room: int) -> None:
    """From before the page is asked for, through the handshake, to well within the pushes."""
    faults: list[dict[str, Any]] = []

    async def watch(moment: float) -> None:
        line = Line(server.url, {}, room, lambda _push: None)
        await asyncio.sleep(moment)
        line.close()

    async def story() -> list[int]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        device = asyncio.create_task(breathe(server.url, room))
        await asyncio.gather(*(watch(step / 20) for step in range(30)))
        found = await until_none_is_left(server)
        device.cancel()
        return found

    assert asyncio.run(story())[-1] == 0
    assert faults == []


@pytest.mark.holds("F43.2")
def test_a_line_goes_on_after_a_push_that_its_view_could_not_take(
    server: LiveServer, room: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Else the view would stay grey until its cell runs again, and nobody would know why."""
    taken: list[Any] = []

    def take(push: Any) -> None:
        taken.append(push)
        if len(taken) == 3:
            raise ValueError("not this one")

    async def story() -> None:
        device = asyncio.create_task(breathe(server.url, room))
        line = Line(server.url, {}, room, take)
        await until(lambda: len(taken) == 10)
        line.close()
        device.cancel()

    with caplog.at_level(logging.WARNING):
        asyncio.run(story())
    assert taken[3]["kind"] == ["snapshot"]
    (record,) = caplog.records
    assert "not this one; trying again" in record.getMessage()
    assert record.exc_info is not None


@pytest.mark.holds("F43.2")
def test_a_view_that_asks_for_a_snapshot_as_the_connection_ends_gets_one_by_the_next(
    server: LiveServer, room: int
) -> None:
    kinds: list[str] = []

    async def story() -> None:
        device = asyncio.create_task(breathe(server.url, room))
        line = Line(server.url, {}, room, lambda push: kinds.append(push["kind"][0]))
        await until(lambda: len(kinds) == 3)
        line._connection.protocol.stream.close()  # type: ignore[union-attr]
        line.begin_anew()
        await until(lambda: kinds.count("snapshot") == 2)
        line.close()
        device.cancel()

    asyncio.run(story())
