"""A view's line to a running server: one session of one of its pages, as a browser has it, and nothing is asked twice.

The server pushes over the page's WebSocket; what it pushes is handed on as it is. A line that breaks is mended, as a
page mends its own, and a kernel that is so busy that it reads nothing for long is cut off as any browser is.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import uuid
from contextlib import suppress
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClientConnection, WebSocketError, websocket_connect

from monitor_app.push import Push, Take
from monitor_app.push.session import SOURCE_NAME

log = logging.getLogger(__name__)

CONNECT_S = 10.0
SILENCE_S = 10.0
"""The server pushes several times a second, whether there is news or not."""
WAIT_S = (1.0, 4.0)
MOST_MESSAGE_BYTES = 64 << 20
_TOKEN = re.compile(rb'"token":\s*"([^"]+)"')
_READY = {"type": "event", "name": "document_ready", "values": {"type": "map"}}


class LineLostError(Exception):
    """The connection did not come about, or ended."""


LOST = (LineLostError, OSError, HTTPClientError, StreamClosedError, WebSocketError, TimeoutError)
"""What ends a connection in the course of things."""


class Line:
    """Pushes of one page of a server: a room's, or with None the wall's.

    Parameters
    ----------
    url : str
        The server's address.
    headers : dict
        What each request says, such as the token.
    room : int or None
        Whose page.
    take : callable
        Takes each push, on the event loop.
    """

    def __init__(self, url: str, headers: dict[str, str], room: int | None, take: Take) -> None:
        # `resume`: the data alone, and nothing of what would draw it in a browser.
        path, query = ("/wall", "resume=1") if room is None else ("/room", f"room={room}&resume=1")
        self._page = f"{url}{path}?{query}"
        self._address = f"{url.replace('http', 'ws', 1)}{path}/ws?{query}"
        self._headers, self._take = headers, take
        self._connection: WebSocketClientConnection | None = None
        self._is_closed = False
        self._source_id: str | None = None
        self._task = asyncio.get_running_loop().create_task(self._run())

    def begin_anew(self) -> None:
        """Have the server give a snapshot."""
        if self._source_id is not None:
            self._say_ready()

    def ask(self, request: dict[str, Any]) -> None:
        """A notebook's view of a live room commands nothing."""

    def close(self) -> None:
        """End the session."""
        self._is_closed = True
        self._task.cancel()
        self._hang_up()

    async def _run(self) -> None:
        said = ""
        while not self._is_closed:
            try:
                self._connection = connection = await self._connect()
                said = ""
                await self._listen(connection)
            except Exception as error:
                # Also what nobody expected, of a message or of the view: else its picture would stay grey for good.
                if (why := str(error) or type(error).__name__) != said:
                    log.warning("%s: %s; trying again", self._page, why, exc_info=not isinstance(error, LOST))
                    said = why
            finally:
                self._hang_up()
            await asyncio.sleep(random.uniform(*WAIT_S))

    async def _connect(self) -> WebSocketClientConnection:
        request = HTTPRequest(self._page, headers=self._headers, connect_timeout=CONNECT_S, request_timeout=CONNECT_S)
        page = (await AsyncHTTPClient().fetch(request)).body
        found = _TOKEN.search(page)
        if found is None:
            raise LineLostError("gives no page of Breathwatch's: is it a sign-in? Give connect() a token")
        connecting = asyncio.ensure_future(
            websocket_connect(
                HTTPRequest(self._address, headers=self._headers, connect_timeout=CONNECT_S),
                subprotocols=["bokeh", found[1].decode()],
                max_message_size=MOST_MESSAGE_BYTES,
            )
        )
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            # Nobody could end what is still on its way.
            connecting.add_done_callback(self._hang_up_late)
            raise

    async def _listen(self, connection: WebSocketClientConnection) -> None:
        parts: list[str | bytes] = []
        while True:
            # Not `wait_for`: where a message has come as the task is cancelled, it would go on as if it were not.
            async with asyncio.timeout(SILENCE_S):
                part = await connection.read_message()
            if part is None:
                raise LineLostError("the server ended the connection")
            parts.append(part)
            # A message is a header, metadata and content; a header may announce more, which no push of ours has.
            if len(parts) >= 3 and len(parts) >= 3 + 2 * json.loads(parts[0]).get("num_buffers", 0):
                self._hear(json.loads(parts[0])["msgtype"], parts[2])
                parts.clear()

    def _hear(self, kind: str, content: str | bytes) -> None:
        if kind == "ACK":
            self._say("PULL-DOC-REQ", {})
        elif kind == "PULL-DOC-REPLY":
            self._source_id = source_id(json.loads(content))
            self._say_ready()
        elif kind == "PATCH-DOC" and self._source_id is not None:
            for push in pushes(json.loads(content), self._source_id):
                self._take(push)
        elif kind == "ERROR":
            raise LineLostError("the server reports an error; see its log")

    def _say_ready(self) -> None:
        self._say("PATCH-DOC", {"events": [{"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": _READY}]})

    def _say(self, kind: str, content: dict[str, Any]) -> None:
        if self._connection is None or self._connection.protocol is None:
            return
        # One that ended a moment ago is noticed where it is read, and the next one begins with all of it.
        with suppress(WebSocketError, StreamClosedError):
            for part in ({"msgid": uuid.uuid4().hex, "msgtype": kind}, {}, content):
                self._connection.write_message(json.dumps(part)).add_done_callback(_retrieve)

    def _hang_up_late(self, connecting: asyncio.Future[WebSocketClientConnection]) -> None:
        if not connecting.cancelled() and connecting.exception() is None:
            self._connection = connecting.result()
            self._hang_up()

    def _hang_up(self) -> None:
        connection, self._connection, self._source_id = self._connection, None, None
        if connection is None:
            return
        stream = getattr(connection.protocol, "stream", None)
        # By itself a client waits 5 s for the server to close first. What is thrown away may be half closed already:
        # that must keep no cell from showing its next view.
        for end in (connection.close, *(() if stream is None else (stream.close,))):
            try:
                end()
            except Exception:
                log.warning("%s: the connection did not end in order", self._page, exc_info=True)


def source_id(document: dict[str, Any]) -> str:
    """The id of the live source among a document's roots."""
    for root in document["doc"]["roots"]:
        attributes = root.get("attributes", {})
        if attributes.get("name") == SOURCE_NAME:
            return str(root["id"])
    raise LineLostError("the page has no live source: is the server of the same version?")


def pushes(patch: dict[str, Any], wanted: str) -> list[Push]:
    """What a PATCH-DOC says of the live source."""
    return [
        plain(event["data"])
        for event in patch.get("events", [])
        if event.get("kind") == "ColumnDataChanged" and event.get("model", {}).get("id") == wanted
    ]


def plain(value: Any) -> Any:
    """Bokeh's maps as dictionaries."""
    if isinstance(value, dict) and value.get("type") == "map":
        return {key: plain(item) for key, item in value.get("entries", [])}
    if isinstance(value, list):
        return value if value and isinstance(value[-1], int | float | str) else [plain(item) for item in value]
    return value


def _retrieve(future: Any) -> None:
    if not future.cancelled():
        future.exception()
