"""A notebook's line to the server ends when its view does, at whatever moment that is (F43)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from monitor_app.notebook.link import Line
from tests.app.live_server import LiveServer
from tests.app.raw_device import RawDevice, breathing, frame

MOMENTS = [step / 50 for step in range(25)]
"""From before the page is asked for, through the handshake, to well within the pushes."""


def room_sessions(server: LiveServer) -> int:
    lines = server.get("/metrics")[1].decode().splitlines()
    return int(next(line for line in lines if line.startswith('breathwatch_sessions{page="/room"}')).split()[-1])


@pytest.mark.holds("F43.2")
def test_a_line_that_is_closed_at_any_moment_stays_closed(server: LiveServer, room: int) -> None:
    """A second one would cost the server and the kernel for as long as the notebook is open."""
    faults: list[dict[str, Any]] = []

    async def story() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: faults.append(context))
        async with RawDevice(server.url, room) as device:
            await device.greet("line")
            values, sent = breathing(4000), 0
            lines = []
            for moment in MOMENTS:
                taken: list[Any] = []
                lines.append(Line(server.url, {}, room, taken.append))
                until = loop.time() + moment
                while loop.time() < until:
                    await device.say(frame(sent, values[sent : sent + 2]))
                    sent = sent + 2
                    await asyncio.sleep(0.01)
                lines[-1].close()
            await asyncio.sleep(0.5)
            assert taken, "the last line had its pushes before it was closed"
            del lines
        # A line that had begun anew would come and go, or stay.
        for _ in range(60):
            await asyncio.sleep(0.5)
            found.append(await asyncio.to_thread(room_sessions, server))
            if found[-10:] == [0] * 10:
                break

    found: list[int] = []
    asyncio.run(story())
    assert found[-10:] == [0] * 10, found
    assert faults == []
