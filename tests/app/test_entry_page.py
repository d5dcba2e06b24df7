"""F4 to F7, F10, F11, F15: what one open form does in a real ward over a real store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from monitor_app.analysis import Analyst
from monitor_app.entry import Desk, Loading
from monitor_app.views.entry import EntryDesk
from monitor_app.ward import Ward
from tests.app.ward_helpers import Clock, in_ward

RESULT = {"breath_rate_bpm": 14.5, "apnea_count": 3, "picture": "iVBORw==", "name": "a.txt", "low": "", "high": ""}
ADA = {"patient_name": "Ada", "mrn": "007", "room": "101", "pressure_cmh2o": "9", "date_of_birth": ""}


class Page:
    """A page as the form sees it."""

    def __init__(self, ward: Ward, desk: Desk) -> None:
        self.news: list[tuple[str, dict[str, Any]]] = []
        self.entry = EntryDesk(ward, desk)
        self.entry._patient = 0
        self.entry.attach(lambda kind, news: self.news.append((kind, news)))
        self.patient = 0
        self.unsubscribe = ward.changes.subscribe(self.entry.on_change)

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """What the server answers."""
        if kind == "reset":
            self.patient += 1
        fields.setdefault("patient", self.patient)
        answer = await self.entry.on_request({"type": kind, **fields})
        return answer if isinstance(answer, dict) else {"ok": False, "message": answer}

    async def send(self, **texts: str) -> dict[str, Any]:
        """Press the button."""
        return await self.ask("send", fields=ADA | texts)

    def load(self, result_id: str = "r1", **found: Any) -> None:
        """A recording was loaded."""
        self.entry._sheet.tell(Loading("loaded", "a.txt", result={**RESULT, **found}, result_id=result_id))

    @property
    def is_locked(self) -> bool:
        """Whether MRN and room are."""
        return self.entry.form.locked


def with_pages(folder: Path, story: Callable[[Ward, Clock, Callable[[], Page]], Awaitable[None]]) -> None:
    """Run a story in a ward, with what opens pages."""

    async def run(ward: Ward, clock: Clock) -> None:
        desk = Desk(folder / "uploads", Analyst(), 1 << 20)
        await story(ward, clock, lambda: Page(ward, desk))
        await desk.close()

    in_ward(folder, run)


def measured(ward: Ward, mrn: int = 7) -> list[tuple[Any, ...]]:
    """Pressure, rate and apneas of a patient's measurements."""
    rows = ward.store.measurements_of_patient(mrn)
    return [(row.pressure_cmh2o, row.respiratory_rate_per_min, row.apnea_count) for row in rows]


@pytest.mark.holds("F2.2", "F2.3", "F3.1")
def test_with_a_fault_nothing_is_sent(tmp_path: Path) -> None:
    async def story(ward: Ward, _clock: Clock, new_page: Callable[[], Page]) -> None:
        page = new_page()
        for texts, errors in (
            ({"pressure_cmh2o": "26"}, {"pressure_cmh2o": "CPAP Pressure is not between 4 and 25"}),
            ({"pressure_cmh2o": "x"}, {"pressure_cmh2o": "CPAP pressure is not an integer"}),
            ({"mrn": "", "room": ""}, {"mrn": "Missing Patient Medical Record Number"}),
            ({"room": ""}, {"room": "Missing Room Number"}),
        ):
            assert await page.send(**texts) == {"ok": False, "errors": errors}
        assert ward.rooms() == []
        assert not page.is_locked

    with_pages(tmp_path, story)


@pytest.mark.holds("F4.1", "F4.2", "F6.1", "F1.3")
def test_mrn_and_room_are_enough_and_a_measurement_needs_pressure_and_data(tmp_path: Path) -> None:
    async def story(ward: Ward, _clock: Clock, new_page: Callable[[], Page]) -> None:
        page = new_page()
        answer = await page.send(patient_name="", pressure_cmh2o="")
        assert answer["said"] == "Admitted to room 101"
        assert page.is_locked
        assert (await page.send())["said"] == "Sent to room 101"
        page.load()
        assert (await page.send(pressure_cmh2o=""))["said"] == "Sent to room 101"
        assert measured(ward) == []
        assert (await page.send())["said"] == "Sent to room 101; measurement recorded"
        assert measured(ward) == [(9, 14.5, 3)]
        assert ward.store.measurements_of_patient(7)[0].flow_image == b"\x89PNG"

    with_pages(tmp_path, story)


@pytest.mark.holds("F5.1")
def test_an_mrn_that_is_in_another_room_is_refused(tmp_path: Path) -> None:
    async def story(ward: Ward, _clock: Clock, new_page: Callable[[], Page]) -> None:
        await ward.stays.admit(102, 7)
        page = new_page()
        answer = await page.send()
        assert (answer["ok"], answer["message"]) == (False, "MRN 7 is already assigned to Room 102")
        assert not page.is_locked
        assert ward.room(101) is None

    with_pages(tmp_path, story)


@pytest.mark.holds("F6.1", "F7.1")
def test_a_new_name_replaces_the_old_one_and_new_measurements_are_appended(tmp_path: Path) -> None:
    async def story(ward: Ward, _clock: Clock, new_page: Callable[[], Page]) -> None:
        page = new_page()
        page.load()
        await page.send()
        assert "recorded before" in (await page.send(patient_name="Ada Abara"))["said"]
        room = ward.room(101)
        assert room is not None
        assert room.stay is not None
        assert room.stay.patient_name == "Ada Abara"
        await page.send(pressure_cmh2o="10")
        page.load("r2", breath_rate_bpm=12.25, apnea_count=0)
        await page.send(pressure_cmh2o="10")
        assert measured(ward) == [(9, 14.5, 3), (10, 14.5, 3), (10, 12.25, 0)]
        assert "locked" in (await page.send(mrn="8"))["errors"]["mrn"]

    with_pages(tmp_path, story)


@pytest.mark.holds("F5.1", "F22.1")
def test_of_two_technicians_at_one_room_one_wins_and_the_other_is_told(tmp_path: Path) -> None:
    async def story(ward: Ward, _clock: Clock, new_page: Callable[[], Page]) -> None:
        first, second = new_page(), new_page()
        one, other = await asyncio.gather(first.send(), second.send(mrn="8", patient_name="Berta"))
        assert one["said"] == "Admitted to room 101"
        assert other["message"] == "Room 101 has another patient: discharge MRN 7 first"
        assert other["occupied"] == {"room": 101, "mrn": 7, "name": "Ada"}
        assert (first.is_locked, second.is_locked) == (True, False)
        same_patient = await asyncio.gather(new_page().send(mrn="9", room="103"), new_page().send(mrn="9", room="104"))
        assert sorted(bool(answer.get("said")) for answer in same_patient) == [False, True]
        refused = next(answer for answer in same_patient if not answer.get("said"))
        assert refused["message"].startswith("MRN 9 is already assigned to Room 10")

        answer = await second.ask("send", fields=ADA | {"mrn": "8"}, replaces_mrn=7)
        assert answer["said"] == "Admitted to room 101"
        assert first.news[-1] == ("place", {"place": {"room": 101, "message": "MRN 7 is no longer in Room 101"}})
        gone = await first.send()
        assert gone["message"].startswith("MRN 7 is no longer in Room 101: nothing was sent")

    with_pages(tmp_path, story)


@pytest.mark.holds("F10.1", "F10.3")
def test_a_pressure_commanded_elsewhere_is_told_with_who_and_when(tmp_path: Path) -> None:
    async def story(ward: Ward, clock: Clock, new_page: Callable[[], Page]) -> None:
        page, unsent = new_page(), new_page()
        await page.send()
        await ward.stays.admit(102, 8)
        await ward.command_pressure(102, 14, by="station")
        assert page.news == []
        await ward.command_pressure(101, 12, by="station")
        kind, news = page.news[-1]
        assert kind == "command"
        assert (news["command"]["pressure_cmh2o"], news["command"]["by"]) == (12, "station")
        assert news["command"]["commanded_at"] == clock.now
        assert unsent.news == []
        page.unsubscribe()

    with_pages(tmp_path, story)


@pytest.mark.holds("F11.1", "F11.2")
def test_after_a_reset_nothing_of_the_previous_patient_can_be_sent(tmp_path: Path) -> None:
    async def story(ward: Ward, _clock: Clock, new_page: Callable[[], Page]) -> None:
        page = new_page()
        page.load()
        before = page.entry._sheet
        await page.send()
        secret = (await page.ask("reset"))["secret"]
        assert secret == page.entry._sheet.secret != before.secret
        assert not before.is_open
        assert (await page.ask("send"))["errors"] == {"mrn": "Missing Patient Medical Record Number"}
        assert (await page.send(mrn="8", room="102"))["said"] == "Admitted to room 102"
        assert measured(ward, 8) == []
        await page.ask("reset")
        page.load()
        await page.send(mrn="8", room="102")
        assert len(measured(ward, 8)) == 1

    with_pages(tmp_path, story)


@pytest.mark.holds("F11.2")
@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_a_send_that_is_under_way_while_the_form_is_reset_reaches_nobody_new(tmp_path: Path, steps: int) -> None:
    async def story(ward: Ward, _clock: Clock, new_page: Callable[[], Page]) -> None:
        page = new_page()
        page.load()
        sending = asyncio.create_task(page.ask("send", fields=ADA, patient=0))
        queued = asyncio.create_task(page.ask("send", fields=ADA | {"pressure_cmh2o": "10"}, patient=0))
        for _ in range(steps):
            await asyncio.sleep(0)
        await page.ask("reset")
        answers = await asyncio.gather(sending, queued)
        assert all("reset" in answer.get("message", "") or "errors" in answer for answer in answers), answers
        assert not page.is_locked
        assert page.entry.form.mrn is None
        assert measured(ward, 7) == []
        assert (await page.send(mrn="8", room="102", pressure_cmh2o="11"))["said"] == "Admitted to room 102"
        assert measured(ward, 8) == []

    with_pages(tmp_path, story)


@pytest.mark.holds("F15.1", "F15.2")
def test_two_pages_hold_two_forms(tmp_path: Path) -> None:
    async def story(ward: Ward, _clock: Clock, new_page: Callable[[], Page]) -> None:
        one, other = new_page(), new_page()
        one.load()
        await one.send()
        assert other.entry.form.result is None
        assert (await other.ask("send"))["errors"] == {"mrn": "Missing Patient Medical Record Number"}
        assert (await other.send(mrn="8", room="102"))["said"] == "Admitted to room 102"
        assert one.entry.form.mrn == 7
        assert measured(ward, 8) == []

    with_pages(tmp_path, story)


def test_a_page_that_is_back_goes_on_with_what_it_had(tmp_path: Path) -> None:
    """After a lost connection: what was typed is looked at anew, and a lock holds while the patient is there."""

    async def story(ward: Ward, _clock: Clock, new_page: Callable[[], Page]) -> None:
        await new_page().send()
        await ward.command_pressure(101, 12, by="station")
        back = new_page()
        answer = await back.ask("open", fields=ADA | {"pressure_cmh2o": "99"}, locked=True, result_id="unknown")
        assert answer["errors"] == {"pressure_cmh2o": "CPAP Pressure is not between 4 and 25"}
        assert answer["command"]["pressure_cmh2o"] == 12
        assert answer["place"]["message"] == ""
        assert not answer["has_result"]
        assert back.is_locked
        await ward.stays.transfer(101, 105)
        assert back.news[-1] == ("place", {"place": {"room": 105, "message": "MRN 7 was moved to Room 105"}})
        assert (await back.send(room="105"))["said"] == "Sent to room 105"
        await ward.stays.discharge(105)
        late = await new_page().ask("open", fields=ADA, locked=True)
        assert late["place"]["message"] == "MRN 7 is no longer in Room 101"

    with_pages(tmp_path, story)


@pytest.mark.holds("F14.1")
def test_what_a_page_cannot_ask_for_is_answered_in_words(tmp_path: Path) -> None:
    async def story(_ward: Ward, _clock: Clock, new_page: Callable[[], Page]) -> None:
        page = new_page()
        assert "load it again" in (await page.ask("explode"))["message"]
        assert "no such sample" in (await page.ask("sample", sample="../../etc/passwd"))["message"]
        assert (await page.ask("send", fields="nonsense"))["errors"]
        assert (await page.ask("check", fields={"mrn": ["x"], "other": 1}))["errors"]["mrn"]

    with_pages(tmp_path, story)
