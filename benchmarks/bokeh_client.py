"""A browser without a screen: speaks Bokeh's WebSocket protocol as BokehJS does, and checks every push it gets."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from functools import lru_cache
from typing import Any

from tornado.httpclient import AsyncHTTPClient

from benchmarks.continuity import Continuity, ExpectedFlow
from benchmarks.websocket import LoadSocket, connect

SOURCE_NAME = "breathwatch-live"
JOIN_S = 30.0
LAG_STEP_S = 0.01
_TOKEN = re.compile(r'"token":\s*"([^"]+)"')
_READY = {"type": "event", "name": "document_ready", "values": {"type": "map"}}


class PageClient:
    """One page, opened as a browser opens it.

    Parameters
    ----------
    server : str
        The server's address.
    path : str
        The page, such as `/wall` or `/room?room=101`.
    expected : callable or None
        What the samples must be; None: only that none is missing and none comes twice.
    announce : bool
        Send the event `document_ready`, as a browser does; `bokeh.client.pull_session` does not.

    Attributes
    ----------
    latencies_s : list of float
        From the server's receipt of a push's newest sample to its arrival here, while `measuring`.
    push_sizes : list of int
        Bytes of the content of those pushes.
    kept : list of bytes
        Their contents, while `keep` is set: the yardstick sends the same.
    """

    def __init__(self, server: str, path: str, *, expected: ExpectedFlow | None = None, announce: bool = True) -> None:
        self.server, self.path, self.announce = server.rstrip("/"), path, announce
        self.continuity = Continuity(expected)
        self.measuring = self.keep = False
        self.latencies_s: list[float] = []
        self.push_sizes: list[int] = []
        self.kept: list[bytes] = []
        self.pushes = 0
        self.joined_s: float | None = None
        self.last_push_at: float | None = None
        self.socket: LoadSocket | None = None
        self._message: list[bytes] = []
        self._source_id: str | None = None
        self._acknowledged = asyncio.Event()
        self._live = asyncio.Event()
        self._heard = asyncio.Event()

    async def join(self) -> None:
        """Load the page and wait for the first push; TimeoutError where none comes."""
        begun = time.monotonic()
        async with asyncio.timeout(JOIN_S):
            page = (await AsyncHTTPClient().fetch(self.server + self.path, request_timeout=JOIN_S)).body.decode()
            found = _TOKEN.search(page)
            if found is None:
                raise ConnectionError(f"{self.path} is no page of Bokeh's: it holds no token")
            path, _, query = self.path.partition("?")
            address = f"{self.server.replace('http', 'ws', 1)}{path}/ws?{query}"
            self.socket = await connect(address, self._take, subprotocols=("bokeh", found[1]))
            await self._acknowledged.wait()
            self._say("PULL-DOC-REQ", {})
            await self._live.wait()
        self.joined_s = time.monotonic() - begun

    async def heard(self, pushes: int) -> None:
        """Wait for so many pushes with new samples while `measuring`."""
        while len(self.latencies_s) < pushes:
            self._heard.clear()
            await self._heard.wait()

    def leave(self) -> None:
        """Close the page."""
        if self.socket is not None:
            self.socket.close()

    def _say(self, kind: str, content: dict[str, Any]) -> None:
        assert self.socket is not None
        for part in ({"msgid": uuid.uuid4().hex, "msgtype": kind}, {}, content):
            self.socket.send(json.dumps(part))

    def _take(self, part: bytes, received_at: float) -> None:
        """Gather a message: header, metadata, content, then a header and a payload for each buffer."""
        self._message.append(part)
        if len(self._message) < 3:
            return
        header = _decoded(self._message[0])
        if len(self._message) < 3 + 2 * header.get("num_buffers", 0):
            return
        content, self._message = self._message[2], []
        kind = header["msgtype"]
        if kind == "PATCH-DOC":
            self._patch(content, received_at)
        elif kind == "ACK":
            self._acknowledged.set()
        elif kind == "PULL-DOC-REPLY":
            self._document(json.loads(content))
        elif kind == "ERROR":
            raise RuntimeError(f"the server said: {content[:500]!r}")

    def _document(self, content: dict[str, Any]) -> None:
        source = next(m for m in content["doc"]["roots"] if m["attributes"].get("name") == SOURCE_NAME)
        self._source_id = source["id"]
        data = source["attributes"].get("data", {})
        if entries := data.get("entries"):
            self.continuity.take({key: column[0] for key, column in entries if column})
        if self.announce:
            event = {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": _READY}
            self._say("PATCH-DOC", {"events": [event]})

    def _patch(self, content: bytes, received_at: float) -> None:
        for event in _decoded(content)["events"]:
            if event["kind"] != "ColumnDataChanged" or event["model"]["id"] != self._source_id:
                continue
            push = {key: column[0] for key, column in event["data"]["entries"]}
            has_samples = self.continuity.take(push)
            self.last_push_at = received_at
            self._live.set()
            self._heard.set()
            if self.measuring:
                self.pushes += 1
                self.push_sizes.append(len(content))
                if self.keep:
                    self.kept.append(content)
                if has_samples:
                    self.latencies_s.append(received_at - push["newest_sample_time"])


@lru_cache(maxsize=256)
def _decoded(text: bytes) -> Any:
    """Decoded once for all pages that get the same bytes; nobody changes what comes out."""
    return json.loads(text)


class LoopLag:
    """How late this process' own event loop is: what it adds to each latency it measures."""

    def __init__(self) -> None:
        self.late_s: list[float] = []
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_STEP_S
            await asyncio.sleep(LAG_STEP_S)
            self.late_s.append(loop.time() - due)

    def stop(self) -> list[float]:
        """End the watch; gives the lags in s."""
        self._task.cancel()
        return self.late_s
