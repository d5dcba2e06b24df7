"""What is stored, for programs: recordings, their samples, breaths and events.

The store is read in two threads of its own, so that no answer holds up the event loop; each answer is bounded, and who
wants more asks for the next part.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np
from tornado.web import RequestHandler

from store import NotFound, RecordingRow, Store, StoreError

T = TypeVar("T")
Route = tuple[str, type[RequestHandler], dict[str, Any]]

MOST_RECORDINGS = 500
MOST_SAMPLES = 1 << 18
MOST_CSV_SAMPLES = 1 << 15
"""Text costs 40 times what the same numbers cost in binary."""
MOST_BREATHS = 10_000
HIGHEST = 2**53
COLUMNS = ("flow_lpm", "airway_pressure_cmh2o")


class _RefusedError(Exception):
    """What is wrong with a question, in words."""


class _StoredHandler(RequestHandler):
    def initialize(self, store: Store, readers: ThreadPoolExecutor) -> None:
        """Take the store, and the threads that read it."""
        self.store, self.readers = store, readers

    async def read(self, look: Callable[[], T]) -> T:
        """Look into the store, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.readers, look)

    def number(self, name: str, default: int | None = None, *, least: int = 0, most: int = HIGHEST) -> int | None:
        """A whole number from the query.

        Raises
        ------
        _RefusedError
            It is none, or out of bounds.
        """
        given = self.get_query_argument(name, None)
        if given is None:
            return default
        if not (given.isascii() and given.isdigit() and len(given) < 17 and least <= int(given) <= most):
            raise _RefusedError(f"{name} is {given[:40]!r}; it must be a whole number from {least} to {most}")
        return int(given)

    def finish_with(self, body: bytes | str, content_type: str, status: int = 200) -> None:
        """Answer; never cached."""
        self.set_status(status)
        self.set_header("Content-Type", content_type)
        self.set_header("Cache-Control", "no-store")
        self.finish(body)

    def answer(self, body: Any, status: int = 200) -> None:
        """Answer in JSON."""
        self.finish_with(json.dumps(body, allow_nan=False), "application/json", status)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Errors in words and without a traceback."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        known = {_RefusedError: 400, NotFound: 404, StoreError: 503}
        status = next((code for kind, code in known.items() if isinstance(error, kind)), status_code)
        self.answer({"status": status, "title": str(error) if status != status_code else self._reason}, status)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """A question that was refused is no fault of the server's."""
        if not isinstance(value, _RefusedError | NotFound):
            super().log_exception(typ, value, tb)

    def known(self, recording_id: str) -> RecordingRow:
        """A recording; NotFound where there is none."""
        row = self.store.recording(int(recording_id))
        if row is None:
            raise NotFound(f"No recording {recording_id} is stored")
        return row


class RecordingsHandler(_StoredHandler):
    """`GET /api/v1/recordings?mrn=&room=&before=`: newest first, at most 500; `before` is an id."""

    async def get(self) -> None:
        """List them."""
        mrn, room, before = self.number("mrn"), self.number("room"), self.number("before")

        def look() -> list[dict[str, Any]]:
            rows = self.store.recordings(mrn=mrn, room=room, before=before, limit=MOST_RECORDINGS)
            return [as_dict(self.store, row) for row in rows]

        self.answer(await self.read(look))


class RecordingHandler(_StoredHandler):
    """`GET /api/v1/recordings/<id>`."""

    async def get(self, recording_id: str) -> None:
        """Give one."""
        self.answer(await self.read(lambda: as_dict(self.store, self.known(recording_id))))


class SamplesHandler(_StoredHandler):
    """`GET /api/v1/recordings/<id>/samples?first=&n=&format=`.

    Little-endian float32, sample by sample, with the columns that the header `Breathwatch-Columns` names; NaN is a gap.
    `format=csv` gives text with a header line, and an empty field for a gap.
    """

    async def get(self, recording_id: str) -> None:
        """Give samples `first` to `first + n - 1`, as far as there are so many."""
        form = self.get_query_argument("format", "binary")
        if form not in ("binary", "csv"):
            raise _RefusedError(f"format is {form[:40]!r}; it must be binary or csv")
        most = MOST_CSV_SAMPLES if form == "csv" else MOST_SAMPLES
        first = self.number("first", 0) or 0
        n = self.number("n", most, most=most) or 0

        def look() -> tuple[bytes, int]:
            row = self.known(recording_id)
            chunk = self.store.read_samples(row.id, first, max(0, min(n, row.next_sample - first)))
            columns = [chunk.flow_lpm]
            if len(row.channels) > 1:
                nothing = np.full(len(chunk.flow_lpm), np.nan, np.float32)
                columns.append(nothing if chunk.airway_pressure_cmh2o is None else chunk.airway_pressure_cmh2o)
            values = np.column_stack(columns)
            body = csv(first, row.sampling_rate_hz, values) if form == "csv" else values.astype("<f4").tobytes()
            return body, len(columns)

        body, columns = await self.read(look)
        self.set_header("Breathwatch-Columns", ",".join(COLUMNS[:columns]))
        self.finish_with(body, "text/csv; charset=utf-8" if form == "csv" else "application/octet-stream")


class BreathsHandler(_StoredHandler):
    """`GET /api/v1/recordings/<id>/breaths?first=&n=`: at most 10,000 in an answer."""

    async def get(self, recording_id: str) -> None:
        """Give stored breaths `first` to `first + n - 1`, in order."""
        first, n = self.number("first", 0) or 0, self.number("n", MOST_BREATHS, most=MOST_BREATHS) or 0

        def look() -> list[dict[str, Any]]:
            return [asdict(breath) for breath in self.store.breaths_of(self.known(recording_id).id, first, n)]

        self.answer(await self.read(look))


class EventsHandler(_StoredHandler):
    """`GET /api/v1/recordings/<id>/events`."""

    async def get(self, recording_id: str) -> None:
        """Give all, in order of opening."""

        def look() -> list[dict[str, Any]]:
            events = [asdict(event) for event in self.store.events_of(self.known(recording_id).id)]
            return [{k: v for k, v in event.items() if k != "recording_id"} for event in events]

        self.answer(await self.read(look))


class SiteHandler(RequestHandler):
    """`GET /api/v1/site`: the lab's name and time zone."""

    def initialize(self, site: dict[str, Any]) -> None:
        """Take them."""
        self.site = site

    def get(self) -> None:
        """Give them."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({key: self.site[key] for key in ("lab_name", "time_zone")}))


def as_dict(store: Store, row: RecordingRow) -> dict[str, Any]:
    """A recording as programs get it."""
    stay = store.stay(row.stay_id)
    return {
        "id": row.id,
        "stream_id": row.stream_id,
        "room": stay.room if stay else None,
        "mrn": stay.mrn if stay else None,
        "device": row.device,
        "sampling_rate_hz": row.sampling_rate_hz,
        "start_time": row.start_time,
        "samples": row.next_sample,
        "ended_at": row.ended_at,
    }


def csv(first: int, sampling_rate_hz: float, values: np.ndarray) -> bytes:
    """Samples as text: time in s since sample 0, and the columns."""
    lines = [",".join(("time_s", *COLUMNS[: values.shape[1]]))]
    for index, row in enumerate(values.tolist(), first):
        fields = ("" if value != value else f"{value:.7g}" for value in row)
        lines.append(f"{index / sampling_rate_hz:.6f},{','.join(fields)}")
    return ("\n".join(lines) + "\n").encode()


def recording_routes(store: Store, site: dict[str, Any]) -> list[Route]:
    """All routes of what is stored."""
    given = {"store": store, "readers": ThreadPoolExecutor(2, thread_name_prefix="stored")}
    one = r"/api/v1/recordings/(\d{1,15})"
    return [
        (r"/api/v1/site", SiteHandler, {"site": site}),
        (r"/api/v1/recordings", RecordingsHandler, given),
        (one, RecordingHandler, given),
        (one + "/samples", SamplesHandler, given),
        (one + "/breaths", BreathsHandler, given),
        (one + "/events", EventsHandler, given),
    ]
