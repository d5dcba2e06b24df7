"""A browser without a screen: speaks Bokeh's WebSocket protocol as BokehJS does, and checks every push it gets."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from array import array
from functools import lru_cache
from typing import Any

from tornado.httpclient import AsyncHTTPClient

from benchmarks.continuity import Continuity, ExpectedSamples, Position, Step
from benchmarks.websocket import LoadSocket, connect, whole_messages

SOURCE_NAME = "breathwatch-live"
JOIN_S = 30.0
WINDOW_S = 30.0
"""How far back a snapshot reaches."""
MARGIN_S = 3.0
"""What a page may take to open, during which the window moves on."""
MOST_NOTES = 3
_TOKEN = re.compile(rb'"token":\s*"([^"]+)"')
_READY = {"type": "event", "name": "document_ready", "values": {"type": "map"}}

AsyncHTTPClient.configure(None, max_clients=10_000)


class BokehPage:
    """A page of any Bokeh server, opened as a browser opens it; whoever inherits takes its patches.

    Parameters
    ----------
    server : str
        The server's address.
    path : str
        The page, such as `/wall` or `/room?room=101`.
    announce : bool
        Send the event `document_ready`, as a browser does; `bokeh.client.pull_session` does not.
    receive_buffer : int or None
        Bytes that the kernel keeps of what is not read; a small one makes a page that stalls felt at once.

    Attributes
    ----------
    page_bytes, page_s : int, float
        Size of the page's HTML, and how long its fetch took.
    """

    def __init__(self, server: str, path: str, *, announce: bool = True, receive_buffer: int | None = None) -> None:
        self.server, self.path, self.announce = server.rstrip("/"), path, announce
        self.socket: LoadSocket | None = None
        self.page_bytes, self.page_s = 0, 0.0
        self._receive_buffer = receive_buffer
        self._message: list[bytes] = []
        self._early: list[tuple[bytes, float]] = []
        self._acknowledged, self._pulled = asyncio.Event(), asyncio.Event()

    async def open(self) -> None:
        """Load the page, connect, and get the document."""
        begun = time.monotonic()
        page = (await AsyncHTTPClient().fetch(self.server + self.path, request_timeout=JOIN_S)).body
        self.page_bytes, self.page_s = len(page), time.monotonic() - begun
        found = _TOKEN.search(page)
        if found is None:
            raise ConnectionError(f"{self.path} is no page of Bokeh's: it holds no token")
        path, _, query = self.path.partition("?")
        address = f"{self.server.replace('http', 'ws', 1)}{path}/ws?{query}"
        self._message.clear()
        self._early.clear()
        self._acknowledged.clear()
        self._pulled.clear()
        self.socket = await connect(
            address,
            self._take,
            self._take_read,
            subprotocols=("bokeh", found[1].decode()),
            receive_buffer=self._receive_buffer,
        )
        await self._acknowledged.wait()
        self._say("PULL-DOC-REQ", {})
        await self._pulled.wait()
        if self.announce:
            event = {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": _READY}
            self._say("PATCH-DOC", {"events": [event]})

    def leave(self) -> None:
        """End at once, without a word."""
        if self.socket is not None:
            self.socket.close()

    def leave_politely(self) -> None:
        """Say goodbye and close."""
        if self.socket is not None:
            self.socket.say_goodbye()

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
        content = self._message[2]
        self._message.clear()
        kind = header["msgtype"]
        if kind == "PATCH-DOC" and not self._pulled.is_set():
            self._early.append((content, received_at))  # as BokehJS keeps what comes before the document
        elif kind == "PATCH-DOC":
            self._patched(content, received_at)
        elif kind == "ACK":
            self._acknowledged.set()
        elif kind == "PULL-DOC-REPLY":
            self._document(json.loads(content))
            self._pulled.set()
            for early in self._early:
                self._patched(*early)
        elif kind == "ERROR":
            raise RuntimeError(f"the server said: {content[:500]!r}")

    def _take_read(self, data: bytes, received_at: float) -> bool:
        return not self._message and self._pulled.is_set() and self._patched_at_once(data, received_at)

    def _document(self, content: dict[str, Any]) -> None:
        """Take the document as it was pulled."""

    def _patched(self, content: bytes, received_at: float) -> None:
        """Take the content of a PATCH-DOC."""

    def _patched_at_once(self, data: bytes, received_at: float) -> bool:
        """Take what one read gave, if it is one whole PATCH-DOC that is known already."""
        return False


class PageClient(BokehPage):
    """One page of ours, with every sample checked.

    Parameters
    ----------
    expected : callable or None
        What the samples must be; None: only that none is missing and none comes twice.
    server, path, announce, receive_buffer
        As of any page.

    Attributes
    ----------
    latencies_s : array of float
        From the server's receipt of a push's newest sample to its arrival here, while `measuring`.
    pushes, push_bytes : int
        Number of those pushes, with and without samples, and bytes of their contents.
    longest_gap_s : float
        Longest time between two pushes since it was last set to zero.
    kept : list of bytes
        Contents of the pushes, while `keep` is set: the yardstick sends the same.
    """

    def __init__(self, server: str, path: str, *, expected: ExpectedSamples | None = None, **how: Any) -> None:
        super().__init__(server, path, **how)
        self.continuity = Continuity(expected)
        self.measuring = self.keep = False
        self.latencies_s = array("d")
        self.pushes = self.push_bytes = 0
        self.longest_gap_s = 0.0
        self.kept: list[bytes] = []
        self.joined_s: float | None = None
        self.joined_bytes = 0
        self.last_push_at: float | None = None
        self.newest_sample_time: float | None = None
        self.fault_notes: list[str] = []
        self._source_id: str | None = None
        self._live, self._heard = asyncio.Event(), asyncio.Event()

    async def join(self) -> None:
        """Load the page and wait for the first push; TimeoutError where none comes.

        A page that comes back must get what it missed, unless it was away for longer than a snapshot reaches back.
        """
        begun = time.monotonic()
        self._live.clear()
        async with asyncio.timeout(JOIN_S):
            if self.newest_sample_time is not None and time.time() - self.newest_sample_time > WINDOW_S - MARGIN_S:
                self.continuity.forget()
            await self.open()
            await self._live.wait()
        self.joined_s = time.monotonic() - begun
        assert self.socket is not None
        self.joined_bytes = self.page_bytes + self.socket.bytes_received

    async def heard(self, pushes: int) -> None:
        """Wait for so many pushes with new samples while `measuring`."""
        while len(self.latencies_s) < pushes:
            self._heard.clear()
            await self._heard.wait()

    def _document(self, content: dict[str, Any]) -> None:
        source = next(m for m in content["doc"]["roots"] if m["attributes"].get("name") == SOURCE_NAME)
        self._source_id = source["id"]
        data = source["attributes"].get("data", {})
        if entries := data.get("entries"):
            self.continuity.take({key: column[0] for key, column in entries if column})

    def _patched(self, content: bytes, received_at: float) -> None:
        step = _step(self.continuity.position, self._source_id, content)
        if step is not None:
            self._go(step, content, len(content), received_at)

    def _patched_at_once(self, data: bytes, received_at: float) -> bool:
        found = _step_of_read(self.continuity.position, self._source_id, data)
        if found is None:
            return False
        self._go(*found, received_at)
        return True

    def _go(self, step: Step, content: bytes, n_bytes: int, received_at: float) -> None:
        if step.faults and len(self.fault_notes) < MOST_NOTES:
            self._note(step, received_at)
        self.continuity.move(step)
        if self.last_push_at is not None and received_at - self.last_push_at > self.longest_gap_s:
            self.longest_gap_s = received_at - self.last_push_at
        self.last_push_at = received_at
        if step.newest_sample_time is not None:
            self.newest_sample_time = step.newest_sample_time
        if not self._live.is_set():
            self._live.set()
        if self.measuring:
            self.pushes += 1
            self.push_bytes += n_bytes
            if self.keep:
                self.kept.append(content)
            if step.newest_sample_time is not None:
                self.latencies_s.append(received_at - step.newest_sample_time)
                if not self._heard.is_set():
                    self._heard.set()

    def _note(self, step: Step, received_at: float) -> None:
        """What somebody needs who looks for a fault's cause."""
        wrong = ", ".join(f"{name} {n}" for name, n in step.faults.items())
        before = "none" if self.last_push_at is None else f"{received_at - self.last_push_at:.2f} s before"
        pulses = f"push {step.position.pulse} after {self.continuity.position.pulse}"
        self.fault_notes.append(f"{self.path}: {wrong}: {pulses}, the last {before}")


@lru_cache(maxsize=256)
def _decoded(text: bytes) -> Any:
    """Decoded once for all pages that get the same bytes; nobody changes what comes out."""
    return json.loads(text)


@lru_cache(maxsize=1024)
def _step(position: Position, source_id: str | None, content: bytes) -> Step | None:
    """What a patch does to all pages at a position; None where it is no push."""
    step: Step | None = None
    for event in json.loads(content)["events"]:
        if event["kind"] == "ColumnDataChanged" and event["model"]["id"] == source_id:
            push = {key: column[0] for key, column in event["data"]["entries"]}
            after = (step.position if step else position).after(push)
            step = after if step is None else step.then(after)
    return step


@lru_cache(maxsize=1024)
def _step_of_read(position: Position, source_id: str | None, data: bytes) -> tuple[Step, bytes, int] | None:
    """The same for the bytes of one read, with the content they hold, where they are exactly one message."""
    parts = whole_messages(data)
    if parts is None or len(parts) != 3:
        return None
    header = json.loads(parts[0])
    if header["msgtype"] != "PATCH-DOC" or header.get("num_buffers", 0):
        return None
    step = _step(position, source_id, parts[2])
    return None if step is None else (step, parts[2], len(parts[2]))
