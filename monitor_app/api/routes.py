"""`/api/v1/rooms`, `/health`, `/liveness` and `/metrics`."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from tornado.web import RequestHandler

from monitor_app.ward import CommandRefused, StoreBusy, Ward

from .metrics import ServerFigures, metrics

STUCK_PUSH_S = 2.0
"""A ticker that has not ticked for so long leaves every page grey."""

Route = tuple[str, type[RequestHandler], dict[str, Any]]


class _JsonHandler(RequestHandler):
    def initialize(self, ward: Ward) -> None:
        """Take the ward."""
        self.ward = ward

    def answer(self, body: Any, status: int = 200) -> None:
        """Finish with JSON, never cached."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(body, allow_nan=False))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Errors in JSON and without a traceback."""
        self.answer({"status": status_code, "title": self._reason}, status_code)


class RoomsHandler(_JsonHandler):
    """`GET /api/v1/rooms`."""

    async def get(self) -> None:
        """List the rooms."""
        self.answer(await self.ward.summaries())


class PressureHandler(_JsonHandler):
    """`POST /api/v1/rooms/<room>/pressure` with an `Idempotency-Key`."""

    async def post(self, room: str) -> None:
        """Command a pressure; the same key again gives the same command and does nothing."""
        key = self.request.headers.get("Idempotency-Key", "")
        if not 1 <= len(key) <= 100:
            self.answer(
                {"status": 400, "title": "Idempotency-Key header is missing, or longer than 100 characters"}, 400
            )
            return
        origin = self.request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc.lower() != self.request.host.lower():
            self.answer({"status": 403, "title": "a page of another host may not command"}, 403)
            return
        if self.request.headers.get("Content-Type", "").split(";")[0].strip() != "application/json":
            # Also keeps pages of other hosts out: browsers ask before they send JSON elsewhere.
            self.answer({"status": 415, "title": "send application/json"}, 415)
            return
        try:
            body = json.loads(self.request.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            self.answer({"status": 400, "title": 'the body must be JSON such as {"pressure_cmh2o": 9}'}, 400)
            return
        reason = str(body["reason"])[:500] if body.get("reason") else None
        try:
            command = await self.ward.command_pressure(
                int(room), body.get("pressure_cmh2o"), by="API", reason=reason, command_id=key
            )
        except CommandRefused as error:
            self.answer({"status": 400, "title": str(error)}, 400)
            return
        except StoreBusy as error:
            self.answer({"status": 503, "title": str(error)}, 503)
            return
        self.answer(command, 202)


class HealthHandler(_JsonHandler):
    """`GET /health` (F32)."""

    def initialize(self, ward: Ward, figures: ServerFigures) -> None:  # type: ignore[override]
        """Take the ward, and what tells how the process is."""
        super().initialize(ward)
        self.figures = figures

    def get(self) -> None:
        """200 only while ingest, detector, store and push all work; else 503 and why."""
        health = self.ward.healthy()
        health["push"] = {"ok": self.figures().get("push", {}).get("tick_age_s", 0.0) < STUCK_PUSH_S}
        well = (
            health["push"]["ok"]
            and health["store"]["ok"]
            and not health["faulted_rooms"]
            and not health["rooms_behind"]
        )
        self.answer({"status": "healthy" if well else "unhealthy", **health}, 200 if well else 503)


class LivenessHandler(RequestHandler):
    """`GET /liveness`: the event loop answers; makes no document."""

    def get(self) -> None:
        """Answer."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("ok\n")


class MetricsHandler(RequestHandler):
    """`GET /metrics`: Prometheus text."""

    def initialize(self, ward: Ward, figures: ServerFigures) -> None:
        """Take the ward, and what tells how the process is."""
        self.ward = ward
        self.figures = figures

    async def get(self) -> None:
        """Give what is worth watching."""
        rooms = await self.ward.summaries()
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        store = {**self.ward.store.health(), **self.ward.store.space()}
        self.finish(metrics(rooms, store, self.figures()))


def api_routes(ward: Ward, figures: ServerFigures) -> list[Route]:
    """All routes for programs."""
    given = {"ward": ward}
    return [
        (r"/api/v1/rooms", RoomsHandler, given),
        (r"/api/v1/rooms/(\d{1,10})/pressure", PressureHandler, given),
        (r"/health", HealthHandler, {"ward": ward, "figures": figures}),
        (r"/liveness", LivenessHandler, {}),
        (r"/metrics", MetricsHandler, {"ward": ward, "figures": figures}),
    ]
