"""All patients: found by name, MRN or room, each with what was recorded; told anew by push (F27)."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from bokeh.document import Document

from monitor_app.push import Tell
from monitor_app.records import list_patients, show_patient
from monitor_app.ward import Change

from .page import PageContext, open_worked_page, worked_page

TELL_AFTER_S = 0.2
"""Many changes at once, as in the minute after a restart, are told once."""

MOST_WORDS = 100


class ChangesTold:
    """Gathers whose records changed, and tells a page once for many."""

    def __init__(self) -> None:
        self.tell: Tell | None = None
        self._mrns: set[int | None] = set()

    def take(self, change: Change) -> None:
        """Something happened in the ward; a pressure command changes nothing that this page shows."""
        if change.kind == "command":
            return
        if not self._mrns:
            asyncio.get_running_loop().call_later(TELL_AFTER_S, self._tell_all)
        self._mrns.add(change.mrn)

    def _tell_all(self) -> None:
        mrns, self._mrns = self._mrns, set()
        if self.tell is not None:
            self.tell("patients", {"mrns": sorted(mrn for mrn in mrns if mrn is not None)})


def patients_document(doc: Document, context: PageContext) -> None:
    """Fill a document with the list's questions and answers."""
    told = ChangesTold()

    async def on_request(request: dict[str, Any]) -> str | dict[str, Any] | None:
        if request.get("type") == "patients":
            words, sheet = request.get("words"), request.get("sheet")
            return await context.records.ask(
                partial(
                    list_patients,
                    words=words[:MOST_WORDS] if isinstance(words, str) else "",
                    in_room=request.get("in_room") is True,
                    many_apneas=request.get("many_apneas") is True,
                    sheet=sheet if isinstance(sheet, int) else 0,
                )
            )
        mrn = request.get("mrn")
        if request.get("type") == "patient" and isinstance(mrn, int):
            return await context.records.ask(partial(show_patient, mrn=mrn))
        return "The server does not know this question: load the page again"

    told.tell = open_worked_page(doc, context, on_request, told.take)


patients_page = worked_page("patients", "Patients")
