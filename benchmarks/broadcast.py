"""The yardstick for pushes: a bare tornado server that sends given messages, one at each tick, to all who connect.

`python -m benchmarks.broadcast PORT INTERVAL_MS FILE [--framed]`, where FILE holds contents of real pushes as a list in
JSON. Each goes out as Bokeh's three frames (header, metadata, content): by `write_message` to each connection, or with
`--framed` as one block of bytes made once and written to each connection's stream. Less than that nobody can do.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
from pathlib import Path

from tornado.iostream import IOStream
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler


class _Listener(WebSocketHandler):
    everybody: set[_Listener] = set()  # noqa: RUF012

    def check_origin(self, origin: str) -> bool:
        return True

    def open(self, *args: str, **kwargs: str) -> None:
        self.set_nodelay(True)
        self.everybody.add(self)

    def on_close(self) -> None:
        self.everybody.discard(self)

    def write_block(self, block: bytes) -> None:
        stream: IOStream | None = getattr(self.ws_connection, "stream", None)
        if stream is not None:
            stream.write(block)


class _Liveness(RequestHandler):
    def get(self) -> None:
        self.finish("ok")


def frame(text: bytes) -> bytes:
    """One text frame as a server sends it."""
    n = len(text)
    if n < 126:
        return bytes((0x81, n)) + text
    if n < 1 << 16:
        return bytes((0x81, 126)) + n.to_bytes(2, "big") + text
    return bytes((0x81, 127)) + n.to_bytes(8, "big") + text


async def run(port: int, interval_s: float, contents: list[bytes], *, framed: bool) -> None:
    """Broadcast until terminated; the header says when."""
    Application([(r"/", _Listener), (r"/liveness", _Liveness)]).listen(port, "127.0.0.1")
    start = time.monotonic()
    for tick, content in enumerate(itertools.cycle(contents), 1):
        await asyncio.sleep(start + tick * interval_s - time.monotonic())
        header = json.dumps({"msgid": str(tick), "msgtype": "PATCH-DOC", "sent": time.time()}).encode()
        parts = (header, b"{}", content)
        if framed:
            block = b"".join(map(frame, parts))
            for listener in _Listener.everybody:
                listener.write_block(block)
        else:
            for listener in _Listener.everybody:
                for part in parts:
                    listener.write_message(part.decode())


def main() -> None:
    """Run as a process of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("interval_ms", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("--framed", action="store_true")
    given = parser.parse_args()
    contents = [content.encode() for content in json.loads(given.file.read_text())]
    asyncio.run(run(given.port, given.interval_ms / 1000, contents, framed=given.framed))


if __name__ == "__main__":
    main()
