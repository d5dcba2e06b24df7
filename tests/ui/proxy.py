"""A network between a browser and its server that can fail: sockets dropped, or nothing forwarded and nothing said."""

from __future__ import annotations

import asyncio
from typing import Any, Self

from tests.app.live_server import free_port
from tests.ui.bedside import Bedside


class Proxy:
    """Forwards a port of its own to the server's; lives in the bedside's thread.

    Attributes
    ----------
    refuses_sockets : bool
        Pages come through, their WebSockets do not.
    gives_its_own_host : bool
        Requests come under the server's own address, as many proxies do it.
    sockets : int
        How many WebSockets came through so far.
    """

    def __init__(self, bedside: Bedside) -> None:
        self.bedside = bedside
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.to_port = 0
        self.refuses_sockets = False
        self.gives_its_own_host = False
        self.sockets = 0
        self._listening: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._sides: set[asyncio.StreamWriter] = set()
        self._running: set[asyncio.Task[Any]] = set()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    def open(self) -> None:
        """Listen."""
        self._do(self._open())

    def shut(self) -> None:
        """Drop every socket and refuse new ones."""
        self._do(self._shut())

    def drop(self) -> None:
        """Drop every socket; new ones are welcome."""
        self._do(self._drop())

    def stall(self) -> None:
        """Forward nothing any more and close nothing: a pulled cable."""
        self._do(self._stall(True))

    def flow(self) -> None:
        """Forward again, what was held back first."""
        self._do(self._stall(False))

    def _do(self, work: Any) -> None:
        self.bedside.do(work).result(timeout=5)

    async def _open(self) -> None:
        self._listening = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _shut(self) -> None:
        if self._listening is not None:
            self._listening.close()
        await self._drop()

    async def _drop(self) -> None:
        for side in list(self._sides):
            side.transport.abort()
        for task in list(self._running):
            task.cancel()

    async def _stall(self, still: bool) -> None:
        if still:
            self._flows.clear()
        else:
            self._flows.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sides.add(writer)
        try:
            asked = await reader.readuntil(b"\r\n\r\n")
            await self._flows.wait()
            if b"upgrade: websocket" in asked.lower():
                if self.refuses_sockets:
                    return
                self.sockets += 1
            if self.gives_its_own_host:
                asked = asked.replace(
                    f"Host: 127.0.0.1:{self.port}".encode(), f"Host: 127.0.0.1:{self.to_port}".encode()
                )
                asked = asked.replace(b"Connection: keep-alive", b"Connection: close")
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
            self._sides.add(far_writer)
            far_writer.write(asked)
            ways = ((reader, far_writer), (far_reader, writer))
            tasks = [asyncio.create_task(self._pump(*way)) for way in ways]
            self._running.update(tasks)
            await asyncio.wait(tasks)
            self._running.difference_update(tasks)
            self._sides.discard(far_writer)
            far_writer.transport.abort()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._sides.discard(writer)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
            writer.close()
        except OSError:
            pass
