"""A recording's table as a download: made and sent piece by piece, so that neither memory nor pushes feel it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from bokeh.server.views.auth_request_handler import AuthRequestHandler
from tornado.iostream import StreamClosedError
from tornado.web import authenticated

from monitor_app.records import NothingFound, Records, export

from .review import LONGEST_S, whole

PIECES_AT_ONCE = 4
"""40 s of signal: 2 ms of work at 25 Hz, less than another thread waits for its turn by itself."""
REST_S = 0.003
"""Between two pieces, so that the event loop is not in a race for the interpreter for seconds."""


class ExportHandler(AuthRequestHandler):
    """`GET /review/export.csv?recording=12&from_s=0&to_s=600`; without a range it is the whole recording."""

    def initialize(self, records: Records, zone: ZoneInfo) -> None:
        """Take what is asked, and the lab's time zone."""
        self.records = records
        self.zone = zone

    @authenticated
    async def get(self) -> None:
        """Send the table."""
        try:
            number = whole("recording", self.get_query_argument("recording", ""))
            start_s, end_s = (_time(self.get_query_argument(name, "")) for name in ("from_s", "to_s"))
            name = await self.records.ask(lambda store: export.name_of(store, number, self.zone))
        except (NothingFound, ValueError) as error:
            self.set_status(404 if isinstance(error, NothingFound) else 400)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(f"{error}\n")
            return
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.set_header("Cache-Control", "no-store")
        end = LONGEST_S if end_s is None else end_s
        pieces = await self.records.ask(lambda store: export.rows(store, number, self.zone, start_s or 0.0, end))
        try:
            while text := await self.records.ask(lambda _store: _some(pieces)):
                self.write(text)
                await self.flush()
                await asyncio.sleep(REST_S)
        except StreamClosedError:
            return


def _some(pieces: Iterator[str]) -> str:
    return "".join(text for _, text in zip(range(PIECES_AT_ONCE), pieces, strict=False))


def _time(given: str) -> float | None:
    if not given:
        return None
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not 0 <= value <= LONGEST_S:
        raise ValueError(f"A range is given in s from 0 on, got {given[:40]!r}")
    return value


def export_routes(records: Records, zone: ZoneInfo) -> list[tuple[str, type[ExportHandler], dict[str, Any]]]:
    """The tornado route of the download."""
    return [(r"/review/export\.csv", ExportHandler, {"records": records, "zone": zone})]
