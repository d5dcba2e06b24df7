"""`/health`, `/liveness` and `/metrics`: how the server itself is."""

from __future__ import annotations

import json
from typing import Any

from tornado.web import RequestHandler

from monitor_app.ward import Ward

from .metrics import ServerFigures, metrics

STUCK_PUSH_S = 2.0
"""A ticker that has not ticked for so long leaves every page grey."""


class _StateHandler(RequestHandler):
    def initialize(self, ward: Ward, figures: ServerFigures) -> None:
        """Take the ward, and what tells how the process is."""
        self.ward = ward
        self.figures = figures

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """In words; what is looked at is never changed."""
        if status_code == 405:
            self.set_header("Allow", "GET")
        self.say(f"{status_code}: {self._reason}\n", "text/plain; charset=utf-8", status_code)

    def say(self, body: str, content_type: str, status: int = 200) -> None:
        """Finish, never cached."""
        self.set_status(status)
        self.set_header("Content-Type", content_type)
        self.set_header("Cache-Control", "no-store")
        self.finish(body)


class HealthHandler(_StateHandler):
    """`GET /health` (F32)."""

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
        body = {"status": "healthy" if well else "unhealthy", **health}
        self.say(json.dumps(body, allow_nan=False), "application/json", 200 if well else 503)


class LivenessHandler(_StateHandler):
    """`GET /liveness`: the event loop answers; makes no document."""

    def get(self) -> None:
        """Answer."""
        self.say("ok\n", "text/plain; charset=utf-8")


class MetricsHandler(_StateHandler):
    """`GET /metrics`: Prometheus text."""

    async def get(self) -> None:
        """Give what is worth watching."""
        rooms = await self.ward.summaries()
        store = {**self.ward.store.health(), **self.ward.store.space()}
        self.say(metrics(rooms, store, self.figures()), "text/plain; version=0.0.4; charset=utf-8")
