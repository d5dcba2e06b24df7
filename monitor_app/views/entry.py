"""Patient data entry: one form and one button, for the technician at a bed or with a tablet (F1 to F15)."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from bokeh.document import Document

from monitor_app.analysis import AnalysisFailed
from monitor_app.entry import SAMPLES, Desk, EntryForm, Loading
from monitor_app.push import Tell
from monitor_app.ward import Change, Stay, Ward, WardError

from .page import PageContext, open_worked_page, worked_page

WHO = "entry page"
UNSHOWN = ("picture",)
"""What of a result the page has no use for."""


class EntryDesk:
    """One open form: what its page asks for, and what it is told.

    Parameters
    ----------
    ward : Ward
        Where patients are admitted.
    desk : Desk
        Where recordings are loaded.
    """

    def __init__(self, ward: Ward, desk: Desk) -> None:
        self.form = EntryForm()
        self._ward = ward
        self._desk = desk
        self._sheet = desk.open(self._take_loading)
        self._tell: Tell = lambda _kind, _news: None
        self._sending = asyncio.Lock()
        self._recorded: set[tuple[str, int]] = set()
        self._result_id = ""
        self._patient: Any = None  # the page's own count: what it asked for before a reset says another

    def attach(self, tell: Tell) -> None:
        """Tell a page from now on."""
        self._tell = tell

    def leave(self) -> None:
        """The page is gone."""
        self._desk.leave(self._sheet)

    async def on_request(self, request: dict[str, Any]) -> dict[str, Any] | str:
        """Do what the page asks for."""
        kind = request.get("type")
        if kind == "open":
            return self._open(request)
        if kind == "check":
            return {"errors": self.form.read(_texts(request))[1]}
        if kind == "send":
            return await self._send(request)
        if kind == "reset":
            return self._reset(request)
        if kind == "sample":
            try:
                await self._desk.load_sample(self._sheet, str(request.get("sample")))
            except AnalysisFailed as error:
                return str(error)
            return {}
        return "This page does not know how to do that: load it again"

    def on_change(self, change: Change) -> None:
        """Something happened in the ward: a command in our room, or our patient is no longer there (F10)."""
        form = self.form
        if not form.locked or form.room is None or (change.room != form.room and change.mrn != form.mrn):
            return
        if change.kind == "command" and change.room == form.room:
            self._tell("command", {"command": self._command()})
        elif change.kind == "stay":
            self._tell("place", {"place": self._place()})

    # ---- inside

    def _open(self, request: dict[str, Any]) -> dict[str, Any]:
        """A page begins, or is back after a loss with what it had; that is checked anew."""
        self._patient = request.get("patient")
        answer: dict[str, Any] = {
            "secret": self._sheet.secret,
            "limit_bytes": self._desk.limit_bytes,
            "samples": [[sample.key, sample.title, sample.shows] for sample in SAMPLES.values()],
        }
        values, answer["errors"] = self.form.read(_texts(request))
        self.form.param.update(**values)
        result_id = str(request.get("result_id") or "")
        result = self._desk.known(self._sheet, result_id) if result_id else None
        if result is not None:
            self.form.result, self._result_id = result, result_id
        answer["has_result"] = result is not None
        if request.get("locked") and not self.form.missing:
            self.form.locked = True
            answer |= {"place": self._place(), "command": self._command()}
        return answer

    async def _send(self, request: dict[str, Any]) -> dict[str, Any] | str:
        generation = self.form.generation
        async with self._sending:
            if self.form.generation != generation or request.get("patient") != self._patient:
                return "The form was reset: nothing was sent"
            errors = self.form.apply(_texts(request)) or self.form.missing
            if errors:
                return {"ok": False, "errors": errors}
            try:
                return await self._admit(generation, request.get("replaces_mrn"))
            except WardError as error:
                return {"ok": False, "message": str(error), "occupied": self._occupied(str(error))}

    async def _admit(self, generation: int, replaces_mrn: Any) -> dict[str, Any] | str:
        form = self.form
        room, mrn, name = form.room, form.mrn, form.patient_name.strip()
        measurement, result, result_id = form.measurement, form.result, self._result_id
        assert room is not None
        assert mrn is not None
        if form.locked and self._stay() is None:
            return f"{self._place()['message']}: nothing was sent. Reset the form to admit somebody"
        await self._ward.stays.admit(
            room,
            mrn,
            name or None,
            form.date_of_birth,
            by=WHO,
            replaces_mrn=replaces_mrn if isinstance(replaces_mrn, int) else None,
        )
        said = f"Sent to room {room}" if form.locked else f"Admitted to room {room}"
        if form.generation != generation:
            return "The form was reset: nothing more was sent"
        form.locked = True
        answer: dict[str, Any] = {"locked": True, "room": room, "mrn": mrn, "at": self._ward.now}
        if measurement is not None and result is not None:
            key = (result_id, measurement["pressure_cmh2o"])
            try:
                said += "; " + await self._measure(room, mrn, key, measurement, result)
            except WardError as error:
                return answer | {"ok": False, "message": f"{said}, but the measurement was not recorded: {error}"}
        return answer | {"said": said, "command": self._command()}

    async def _measure(
        self, room: int, mrn: int, key: tuple[str, int], measurement: dict[str, Any], result: dict[str, Any]
    ) -> str:
        """Append a measurement; the same one is not stored twice."""
        if key in self._recorded:
            return "this measurement was recorded before"
        picture = base64.b64decode(result["picture"])
        await self._ward.stays.measure(room, **measurement, flow_image=picture, expected_mrn=mrn)
        self._recorded.add(key)
        return "measurement recorded"

    def _reset(self, request: dict[str, Any]) -> dict[str, Any]:
        self._patient = request.get("patient")
        self._desk.leave(self._sheet)
        self.form.reset()
        self._recorded = set()  # what is under way still adds to the old one
        self._result_id = ""
        self._sheet = self._desk.open(self._take_loading)
        return {"secret": self._sheet.secret}

    def _take_loading(self, loading: Loading) -> None:
        """What became of the recording."""
        news: dict[str, Any] = {"phase": loading.phase, "name": loading.name, "message": loading.message}
        if loading.result is not None:
            self.form.result, self._result_id = loading.result, loading.result_id
            shown = {key: value for key, value in loading.result.items() if key not in UNSHOWN}
            news |= {"result": shown, "result_id": loading.result_id, "again": loading.again}
        self._tell("recording", {**news, "secret": self._sheet.secret})

    def _stay(self) -> Stay | None:
        """Our patient's stay, while it is in our room."""
        room = self._ward.room(self.form.room) if self.form.room is not None else None
        stay = room.stay if room is not None else None
        return stay if stay is not None and stay.mrn == self.form.mrn and stay.mrn is not None else None

    def _command(self) -> dict[str, Any] | None:
        """The newest pressure command of our patient."""
        stay = self._stay()
        commands = stay.commands.as_dicts(1) if stay is not None else []
        return commands[0] if commands else None

    def _place(self) -> dict[str, Any]:
        """Where our patient is; one who was moved is followed."""
        form = self.form
        if self._stay() is not None:
            return {"room": form.room, "message": ""}
        for room in self._ward.rooms():
            if room.stay is not None and room.stay.mrn == form.mrn:
                form.room = room.number
                return {"room": room.number, "message": f"MRN {form.mrn} was moved to Room {room.number}"}
        return {"room": form.room, "message": f"MRN {form.mrn} is no longer in Room {form.room}"}

    def _occupied(self, message: str) -> dict[str, Any] | None:
        """Who is in the room that was refused, if that is why."""
        room = self._ward.room(self.form.room) if self.form.room is not None else None
        stay = room.stay if room is not None else None
        if stay is None or stay.mrn in (None, self.form.mrn) or "another patient" not in message:
            return None
        return {"room": self.form.room, "mrn": stay.mrn, "name": stay.patient_name}


def _texts(request: dict[str, Any]) -> dict[str, str]:
    """The texts of the fields that a page sent."""
    fields = request.get("fields")
    return {str(key): str(text) for key, text in fields.items()} if isinstance(fields, dict) else {}


def entry_document(doc: Document, context: PageContext) -> None:
    """Fill a document with one form (F15: each its own)."""
    entry = EntryDesk(context.ward, context.desk)
    doc.on_session_destroyed(lambda _session: entry.leave())
    entry.attach(open_worked_page(doc, context, entry.on_request, entry.on_change))


entry_page = worked_page("entry", "Admit")
