"""The routes for programs over a ward in this process, on a real socket: for what no whole server can be made to do."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from monitor_app.api import Figures, Services, api_routes
from monitor_app.origins import Origins, Place
from monitor_app.records import Records
from monitor_app.ward import Ward
from tests.app.ward_helpers import Clock, open_ward


class ApiServer:
    """A running one; its clock is the test's."""

    def __init__(self, ward: Ward, clock: Clock, port: int) -> None:
        self.ward, self.clock = ward, clock
        self.url = f"http://127.0.0.1:{port}"
        self.figures: Figures = {}

    async def ask(self, path: str, body: Any = None, method: str | None = None, **headers: str) -> tuple[int, Any]:
        """Status, and JSON where it is JSON, else the text."""
        data = None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **{name.replace("_", "-"): each for name, each in headers.items()}}
        request = urllib.request.Request(self.url + path, data, given, method=method)
        return await asyncio.to_thread(_fetch, request)


def _fetch(request: urllib.request.Request) -> tuple[int, Any]:
    try:
        answer = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read().decode()
        return answer.status, json.loads(text) if "json" in answer.headers["Content-Type"] else text


def with_api(folder: Path, story: Callable[[ApiServer], Awaitable[None]], **options: Any) -> None:
    """Run a story with a server of its own; the options are those of `Services`."""

    async def run() -> None:
        clock = Clock()
        async with open_ward(folder, clock) as ward:
            sockets = bind_sockets(0, "127.0.0.1", family=socket.AF_INET)
            api = ApiServer(ward, clock, sockets[0].getsockname()[1])
            records = Records(ward.store)
            given = {"zone": ZoneInfo("UTC"), "lab": {"lab_name": "Sleep Lab", "time_zone": "UTC"}, **options}
            origins = Origins([Place("127.0.0.1", sockets[0].getsockname()[1])], [])
            services = Services(ward, records, origins, **given)
            server = HTTPServer(Application(api_routes(services, lambda: api.figures)))
            server.add_sockets(sockets)
            try:
                await story(api)
            finally:
                server.stop()
                await server.close_all_connections()
                records.close()

    asyncio.run(run())
