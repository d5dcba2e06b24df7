"""The server: the site map, and what lives as long as it does."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from bokeh.application.handlers.function import FunctionHandler
from panel.io.server import get_server
from tornado.ioloop import IOLoop
from tornado.routing import PathMatches, Rule
from tornado.web import ErrorHandler, RedirectHandler

from monitor_app import assets
from monitor_app.analysis import Analyst
from monitor_app.api import Figures, Services, api_routes
from monitor_app.config import DATA_FILE, ConfigError, Settings
from monitor_app.entry import Desk, upload_routes
from monitor_app.ingest import IngestHandler
from monitor_app.origins import Origins, Place, is_loopback
from monitor_app.push import Broadcaster, Site, wire
from monitor_app.records import Records
from monitor_app.retention import Retention
from monitor_app.upkeep import Garbage, LoopWatch, allow_many_connections, resident_bytes
from monitor_app.views import (
    ForeignHost,
    ForeignHostHandler,
    Page,
    PageHandler,
    PageSocket,
    entry_document,
    entry_page,
    export_routes,
    patients_document,
    patients_page,
    review_document,
    review_page,
    room_document,
    room_page,
    wall_document,
    wall_page,
)
from monitor_app.views.page import PageApplication, PageContext
from monitor_app.ward import Ward
from store import Store, StoreError

log = logging.getLogger(__name__)

PAGES: dict[str, tuple[Callable[..., None], Callable[..., Page]]] = {
    "/wall": (wall_document, wall_page),
    "/room": (room_document, room_page),
    "/review": (review_document, review_page),
    "/entry": (entry_document, entry_page),
    "/patients": (patients_document, patients_page),
}
"""The site map: what fills a session's document, and the page that opens the session."""

MOST_MESSAGE_BYTES = 64 << 10
"""A page has no more than a command to say; Bokeh's own bound of 20 MB holds the event loop up for seconds."""

DISCARD_EVERY_MS = 1000
"""Sessions whose page has gone: the memory of as many as are kept at once never comes back from the allocator."""

Started = Callable[[Ward, str], Awaitable[None]]


def run(settings: Settings, *, on_start: Started | None = None, notice: str = "") -> None:
    """Serve until interrupted or terminated; a notice stands on the wall.

    Raises
    ------
    ConfigError
        The address is beyond loopback (there are no accounts yet), cannot be listened on, or the store is unusable.
    """
    if ":" in settings.host:
        raise ConfigError(f"{settings.host} is an IPv6 address, which pages cannot be served on: use 127.0.0.1")
    if not is_loopback(settings.host):
        raise ConfigError(
            f"{settings.host} is reached from other machines, and there are no accounts yet to sign in with: "
            "serve on 127.0.0.1 (the default)"
        )
    try:
        asyncio.run(_serve(settings, on_start, notice))
    except StoreError as error:
        raise ConfigError(str(error)) from error


async def _serve(settings: Settings, on_start: Started | None, notice: str) -> None:
    allow_many_connections()
    store = Store(settings.data / DATA_FILE, max_queued_bytes=settings.queue_mib << 20)
    garbage, watch, records = Garbage(), LoopWatch(), Records(store)
    analyst = Analyst()
    desk = Desk(settings.data / "uploads", analyst, settings.max_upload_mb << 20)
    try:
        ward = Ward(store)
        await ward.start()
        garbage.tame()
        watch.start()
        server = _make_server(settings, ward, records, desk, notice, garbage, watch)
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        url = f"http://{settings.host}:{server.port}{settings.prefix}"
        # Before devices are let in: on a disk that is full it makes the room that their samples need.
        retention = asyncio.create_task(Retention(store, settings.retention_days).run())
        server.start()
        analysis = asyncio.create_task(analyst.start())
        if on_start is not None:
            await on_start(ward, url)
        print(f"Breathwatch is at {url}/wall", flush=True)
        await stopped.wait()
        retention.cancel()
        analysis.cancel()
        server.stop(wait=False)
    finally:
        watch.stop()
        garbage.release()
        records.close()
        await desk.close()
        if not store.close():
            log.error("Some of what was queued did not come to the disk in time; devices send it again")


def _make_server(
    settings: Settings,
    ward: Ward,
    records: Records,
    desk: Desk,
    notice: str,
    garbage: Garbage,
    watch: LoopWatch,
) -> Any:
    site = Site(settings.lab_name, str(settings.zone), open_access=True, notice=notice)
    broadcaster = _broadcaster(settings, ward, site)
    context = PageContext(ward, site, settings.prefix, settings.push_interval_ms, broadcaster, records, desk)
    applications = {
        path: PageApplication(FunctionHandler(partial(document, context=context), trap_exceptions=False))
        for path, (document, _page) in PAGES.items()
    }
    port = settings.port or _free_port(settings.host)
    own = [Place(name, port) for name in sorted({"localhost", "127.0.0.1", settings.host})]
    origins = Origins(own, settings.origins)
    services = Services(
        ward,
        records,
        origins,
        settings.zone,
        lab={"lab_name": settings.lab_name, "time_zone": str(settings.zone)},
        prefix=settings.prefix,
        get_commands=bool(settings.compat_get_commands),
    )
    routes: list[Any] = [
        *assets.routes(),
        *upload_routes(desk, origins),
        *export_routes(records, settings.zone),
        *api_routes(services, lambda: _figures(server, broadcaster, garbage, watch)),
        (r"/ingest/rooms/(\d{1,20})", IngestHandler, {"ward": ward}),
        (r"/", RedirectHandler, {"url": f"{settings.prefix}/wall", "permanent": False}),
    ]
    try:
        server = get_server(
            applications,
            port=port,
            address=settings.host,
            prefix=settings.prefix,
            websocket_origin=origins.for_bokeh(),
            extra_patterns=routes,
            use_index=False,
            ico_path=str(assets.ASSETS / "favicon.svg"),
            loop=IOLoop.current(),
            start=False,
            cookie_secret=secrets.token_hex(),
            websocket_max_message_size=MOST_MESSAGE_BYTES,
            check_unused_sessions_milliseconds=DISCARD_EVERY_MS,
        )
        _serve_pages(server, context, origins)
        # Before all other rules: whatever is asked for under a foreign name.
        server._tornado.default_router.rules.insert(
            0, Rule(ForeignHost(origins), ForeignHostHandler, {"origins": origins})
        )
        return server
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {settings.host}:{port}: {error.strerror}; choose another --port"
        ) from error


def _figures(server: Any, broadcaster: Broadcaster | None, garbage: Garbage, watch: LoopWatch) -> Figures:
    """What the process knows of itself, for `/metrics` and `/health`."""
    return {
        "push": {"encode_once": 0} if broadcaster is None else broadcaster.figures(),
        "sessions": {path: len(server.get_sessions(path)) for path in PAGES},
        "loop": {"pause_max_s": watch.pauses.recent_s, "pause_ever_s": watch.pauses.ever_s},
        "garbage": garbage.figures(),
        "process": {"resident_bytes": resident_bytes()},
    }


def _serve_pages(server: Any, context: PageContext, origins: Origins) -> None:
    """Answer the pages' addresses before Bokeh does, which would make a session for each fetch."""
    resources, rules = server._tornado.resources(), server._tornado.wildcard_router.rules
    for path, (_document, page) in PAGES.items():
        application, address = server._tornado.applications[path], re.escape(context.prefix + path)
        fetched = {"page": page(context, resources), "context": application, "origins": origins}
        connected = {
            "application_context": application,
            "bokeh_websocket_path": f"{context.prefix}{path}/ws",
            "origins": origins,
        }
        rules.insert(0, Rule(PathMatches(address + "/?"), PageHandler, fetched))
        rules.insert(0, Rule(PathMatches(address + "/ws"), PageSocket, connected))
        # Bokeh's ways to embed a page elsewhere make a session for each fetch, and nobody needs them.
        rules.insert(0, Rule(PathMatches(address + r"/(autoload\.js|metadata)"), ErrorHandler, {"status_code": 404}))


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _broadcaster(settings: Settings, ward: Ward, site: Site) -> Broadcaster | None:
    """The fast way to push, if it is wanted and what it relies on is there."""
    if not settings.encode_once:
        log.warning("Each page is pushed to by itself, which costs more: MONITOR_ENCODE_ONCE is 0")
        return None
    try:
        wire.check()
    except wire.WireError as error:
        log.warning("Each page is pushed to by itself, which costs more: %s", error)
        return None
    broadcaster = Broadcaster(ward, site, interval_ms=settings.push_interval_ms)
    broadcaster.start()
    return broadcaster
