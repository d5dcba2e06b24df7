"""A notebook's line to the server ends when its view does, at whatever moment that is (F43)."""

from __future__ import annotations

import asyncio
import logging
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
        await device.greet("line")
        values = breathing(4000)
        for first in range(0, 4000, 2):
            await device.say(frame(first, values[first : first + 2]))
            await asyncio.sleep(0.02)


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
