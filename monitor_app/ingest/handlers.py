"""`/ingest/rooms/<room>`: a device's WebSocket, and POST for devices that cannot hold one open."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler, WebSocketProtocol13

from monitor_app.ward import DeviceLink, Room, RoomTaken, StoreBusy, StreamRefused, StreamSpec, Trace, Ward, WardError

from .protocol import (
    MAX_FRAME_BYTES,
    Frame,
    check_beginning,
    parse_frame,
    parse_hello,
    parse_message,
    parse_room,
    parse_rows,
)

log = logging.getLogger(__name__)

NONSENSE, TAKEN, TOO_LARGE = 4400, 4409, 4413
SERVER_FAILED, TRY_LATER = 1011, 1013
MAX_POST_BYTES = 2 << 20
MESSAGE_TOO_BIG = 1009
AT_ONCE = 256
"""Samples between which others get their turn; at 1 Hz, where each takes longest, 1 to 2 ms. A request of somebody else
needs a dozen turns of the event loop."""
HELLO_WITHIN_S = 10.0
DRAIN_S = 10.0
CLOSE_REASON_BYTES = 120
"""A close frame holds at most 123 bytes of reason (RFC 6455, 5.5)."""


class _DrainingProtocol(WebSocketProtocol13):
    """Answers a frame over the limit in the contract's words, unread.

    Tornado closes with 1009 and drops the connection, so that the device, still sending, meets a reset instead of the
    reason. Here what it still sends is read and thrown away until it has had time to read the answer.
    """

    _too_large = False

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        if code == MESSAGE_TOO_BIG:
            self._too_large = True
            assert isinstance(self.handler, IngestSocket)
            self.handler.refuse(TOO_LARGE, f"a frame may have at most {MAX_FRAME_BYTES} bytes; send smaller ones")
            return
        super().close(code, reason)

    def _abort(self) -> None:
        if self._too_large and not self.client_terminated:
            self.client_terminated = True
            asyncio.get_running_loop().create_task(self._drain())
            return
        super()._abort()

    async def _drain(self) -> None:
        with suppress(StreamClosedError, asyncio.TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while True:
                    await self.stream.read_bytes(1 << 16, partial=True)
        super()._abort()


class IngestSocket(WebSocketHandler):
    """One device's connection."""

    def initialize(self, ward: Ward) -> None:
        """Take the ward."""
        self.ward = ward
        self.number = 0
        self.link: DeviceLink | None = self
        self.room: Room | None = None
        self.trace: Trace | None = None
        self.spec: StreamSpec | None = None
        self.refused = False
        self._hello_timer: asyncio.TimerHandle | None = None

    @property
    def max_message_size(self) -> int:
        """Largest frame that is read at all."""
        return MAX_FRAME_BYTES

    @property
    def ping_interval(self) -> float:
        """A device that vanished without a word is noticed by an unanswered ping.

        A pong cannot overtake a large frame on a slow uplink: the room is silent after 5 s anyway, so this may be slow.
        """
        return 30.0

    def get_websocket_protocol(self) -> Any:
        """Tornado's protocol 13, with the contract's answer to frames over the limit."""
        theirs: Any = super().get_websocket_protocol()
        return None if theirs is None else _DrainingProtocol(self, False, theirs.params)

    async def get(self, *args: str, **kwargs: str) -> None:
        """Say what this address is to those who open it in a browser."""
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            self.set_status(426)
            self.set_header("Upgrade", "websocket")
            self.finish(
                "This address takes a device's WebSocket; a POST takes samples as JSON. See docs/device-protocol.md\n"
            )
            return
        await super().get(*args, **kwargs)

    def open(self, *args: str, **kwargs: str) -> None:
        """Wait for the hello."""
        self.set_nodelay(True)
        try:
            self.number = parse_room(args[0])
        except StreamRefused as error:
            self.refuse(NONSENSE, str(error))
            return
        self._hello_timer = asyncio.get_running_loop().call_later(HELLO_WITHIN_S, self._no_hello)

    async def on_message(self, message: str | bytes) -> None:
        """Take a hello, a frame, or an answer to a command."""
        if self.refused:
            return
        try:
            if isinstance(message, bytes):
                await self._frame(message)
            else:
                await self._text(parse_message(message))
        except RoomTaken as error:
            self.refuse(TAKEN, str(error))
        except StoreBusy as error:
            self.refuse(TRY_LATER, str(error))
        except WardError as error:
            self.refuse(NONSENSE, str(error))
        except Exception:
            log.exception("Room %s: a message from the device failed", self.number)
            self.refuse(SERVER_FAILED, "the server failed on this message; it is in the server's log")

    def on_close(self) -> None:
        """Leave the room's device place free."""
        if self._hello_timer is not None:
            self._hello_timer.cancel()
        if self.trace is not None:
            self.ward.streams.gone(self.trace, self)

    def send(self, message: dict[str, Any]) -> bool:
        """Send a message; False where the device is gone."""
        if self.refused or self.ws_connection is None:
            return False
        try:
            self.write_message(json.dumps(message)).add_done_callback(_retrieve)
        except (WebSocketClosedError, StreamClosedError):
            return False
        return True

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """End the connection; nothing that still comes by it is taken."""
        self.refused = True
        super().close(code, reason)

    def refuse(self, code: int, message: str) -> None:
        """Say what is wrong, here and in the room, and close."""
        if self.refused:
            return
        log.warning("Room %s: device refused with %s: %s", self.number, code, message)
        self.send({"type": "error", "message": message})
        if self.number and code not in (TAKEN, TRY_LATER):
            self.ward.say_problem(self.number, f"Device refused: {message}")
        self.close(code, message.encode(errors="replace")[:CLOSE_REASON_BYTES].decode(errors="ignore"))

    async def _text(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "hello":
            await self._hello(message)
        elif self.spec is None:
            raise StreamRefused(f"the first message must be a hello: got {kind[:50]!r}")
        elif kind not in ("applied", "refused", "end"):
            raise StreamRefused(f"message type is {kind[:50]!r}, known are: hello, applied, refused, end")
        elif self.room is None or self.trace is None:
            log.info("Room %s: %s before the first sample means nothing", self.number, kind)
        elif kind == "end":
            await self.ward.streams.end(self.trace)
        else:
            refusal = str(message.get("reason") or "no reason given")[:300] if kind == "refused" else None
            applied = message.get("pressure_cmh2o")
            self.ward.device_answered(self.room, str(message.get("command_id")), applied_cmh2o=applied, refusal=refusal)

    async def _hello(self, message: dict[str, Any]) -> None:
        if self.spec is not None:
            raise StreamRefused("a second hello on one connection; reconnect to begin another stream")
        if self._hello_timer is not None:
            self._hello_timer.cancel()
        self.spec = parse_hello(message)
        self.ward.streams.find(self.number, self.spec)
        room = self.ward.room(self.number)
        if room is not None and room.stay is not None:
            await self._begin(self.spec)
        # In an empty room a stay begins by the first sample, not by a hello (F50).
        next_sample = self.trace.stored_next if self.trace else self.ward.streams.next_sample(self.spec)
        self.send({"type": "welcome", "next_sample": next_sample})
        if self.room is not None:
            self.ward.send_pending(self.room)

    async def _begin(self, spec: StreamSpec) -> tuple[Room, Trace]:
        room, trace = await self.ward.streams.open(self.number, spec, self.link)
        if self.link is not None and (self.refused or self.ws_connection is None):
            self.ward.streams.gone(trace, self)
        self.room, self.trace = room, trace
        return room, trace

    async def _frame(self, data: bytes) -> None:
        if self.spec is None:
            raise StreamRefused("the first message must be a hello: got a binary frame")
        frame = parse_frame(data, self.spec)
        if self.ward.streams.is_new(self.spec, self.trace):
            check_beginning(frame)
        await self._take(frame, self.spec)

    async def _take(self, frame: Frame, spec: StreamSpec) -> Trace:
        """Take a frame in pieces, with turns for others between them; gives the recording that has its end."""
        streams = self.ward.streams
        room, trace = await self._place(spec)
        streams.note_frame(trace, len(frame.flow_lpm))
        rest: Frame | None = frame
        while rest is not None:
            room, trace = await self._place(spec)
            rest = rest.after(streams.feed(room, trace, *rest.first(AT_ONCE)))
            if rest is not None:
                await asyncio.sleep(0)
                if self.refused or (self.link is not None and trace.link not in (None, self.link)):
                    # Another connection has the room by now. What was not taken is not acknowledged, and comes again.
                    break
        return trace

    async def _place(self, spec: StreamSpec) -> tuple[Room, Trace]:
        """Where samples go now. Opened anew only in another stay: else what the queue refused would be forgotten."""
        if self.room is None or self.trace is None or self.trace.is_over:
            room, trace = await self._begin(spec)
            if self.link is not None:
                # What was commanded while this device was nobody's, or another patient's, waits for it.
                self.ward.send_pending(room)
            return room, trace
        return self.room, self.trace

    def _no_hello(self) -> None:
        self.refuse(NONSENSE, f"no hello within {HELLO_WITHIN_S:.0f} s")


class IngestHandler(IngestSocket):
    """The same address for POST: hello's fields with `first_sample` and `samples`, answered once they are on disk."""

    async def post(self, text: str) -> None:
        """Take samples; answers `{"next_sample": N}`."""
        self.link = None  # nothing but the answer goes back
        try:
            self._refuse_foreign_pages()
            self.number = parse_room(text)
            if (size := len(self.request.body)) > MAX_POST_BYTES:
                self._answer(413, {"error": f"the body has {size} bytes, at most {MAX_POST_BYTES}; send less at once"})
                return
            try:
                body = json.loads(self.request.body)
            except (ValueError, RecursionError) as error:
                raise StreamRefused(f"the body is no JSON: {str(error)[:100]}") from None
            if not isinstance(body, dict):
                raise StreamRefused("the body must be a JSON object with the hello's fields, first_sample and samples")
            spec = parse_hello({"protocol": 1, **body})
            frame = parse_rows(body, spec)
            streams = self.ward.streams
            known = streams.find(self.number, spec)
            if streams.is_new(spec, None if known is None else known[1]):
                check_beginning(frame)
            async with streams.turn(spec.stream_id):
                trace = await self._take(frame, spec)
            self._answer(200, {"next_sample": await streams.stored(trace)})
        except RoomTaken as error:
            self._answer(409, {"error": str(error)})
        except StoreBusy as error:
            self._answer(503, {"error": str(error)})
        except WardError as error:
            self._answer(400, {"error": str(error)})

    def _refuse_foreign_pages(self) -> None:
        origin = self.request.headers.get("Origin")
        if origin is not None and not self.check_origin(origin):
            raise StreamRefused(f"a page of {origin} may not send samples")

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(body))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Errors in JSON and without a traceback."""
        self._answer(status_code, {"error": self._reason})


def _retrieve(future: Any) -> None:
    """A write whose device has gone is no error of ours: reading its exception keeps it out of the log."""
    if not future.cancelled():
        future.exception()


__all__ = ["IngestHandler"]
