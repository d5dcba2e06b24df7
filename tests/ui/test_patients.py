"""All patients: how many, who they are, what was recorded of each; by push, and quick with hundreds (F27)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from store import Store
from tests.app.live_server import LiveServer
from tests.ui.conftest import PAYLOADS
from tests.ui.people import admit, discharge, measure, picture


@pytest.mark.holds("F27.1", "F27.2", "F27.3", "F27.4", "F27.5", "F13.1")
def test_patients_and_their_records_appear_by_push(a_server: LiveServer, page: Page) -> None:
    a_server.start()
    page.goto(f"{a_server.url}/patients")
    expect(page.get_by_role("heading", name="No patients in database")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    admit(a_server, 101, 204112, PAYLOADS[0])
    title = page.locator("summary")
    expect(title).to_have_text(re.compile(rf"Room 101\s*{re.escape(PAYLOADS[0])}\s*MRN 204112"))
    expect(page.get_by_role("status")).to_have_text("1 patient")
    title.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("No CPAP data recorded yet")).to_be_visible()
    for at, apneas in enumerate((2, 0)):
        measure(a_server, 101, 204112, pressure=8 + at, rate=14.25 + at, apneas=apneas, image=picture(at))
    rows = page.locator(".patient-records tbody tr")
    expect(rows).to_have_count(2)
    stamp = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d$")
    expect(rows.nth(0).locator("th, td")).to_have_text([stamp, "9", "15.25", "0", "Measurement", "Picture"])
    expect(rows.nth(1).locator("th, td")).to_have_text([stamp, "8", "14.25", "▲ 2, many", "Measurement", "Picture"])
    expect(rows.nth(1)).to_have_class("many")
    expect(rows.nth(0)).not_to_have_class("many")
    expect(page.locator("thead th").nth(0)).to_have_text("Timestamp")
    assert asked == []
    page.get_by_role("button", name="Picture").first.click()
    expect(page.locator(".picture-image")).to_be_visible()
    assert page.evaluate("window.owned") is None
    discharge(a_server, 101)
    expect(title).to_contain_text("No room")
    title.click()
    expect(page.locator(".patient-body")).to_be_empty()


def test_hundreds_are_searched_filtered_and_turned_over(a_server: LiveServer, page: Page) -> None:
    """F27: 50 at a time; by name, MRN and room; those in a room, and those with apneas."""
    seed(a_server.data, 320)
    a_server.start()
    measure(a_server, 105, 500, name="Abara, Ada", apneas=3)
    admit(a_server, 106, 501, "100 % Smith_Jones")
    page.goto(f"{a_server.url}/patients")
    titles, count = page.locator("summary"), page.get_by_role("status")
    expect(count).to_have_text("322 patients")
    expect(titles).to_have_count(50)
    expect(titles.first).to_contain_text("Room 105")
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".patients-pager")).to_contain_text("51 to 100 of 322")
    search = page.get_by_label("Search by name, MRN or room")
    for words, found in (
        ("abara", 1),
        ("500", 1),
        ("106", 1),
        ("patient 01", 100),
        ("% smith_", 1),
        ("_", 1),
        ("!", 0),
    ):
        search.fill(words)
        expect(count).to_have_text(f"{found} of 322 patients")
    expect(page.get_by_role("heading", name="No patient is found")).to_be_visible()
    search.fill("")
    page.get_by_label("In a room now").check()
    expect(count).to_have_text("2 of 322 patients")
    page.get_by_label("With 2 or more apneas").check()
    expect(titles).to_have_count(1)
    expect(titles).to_contain_text("Abara, Ada")


def seed(data: Path, count: int) -> None:
    """Patients who were here before."""
    data.mkdir(parents=True, exist_ok=True)
    with Store(data / "breathwatch.sqlite") as store:
        made = [store.upsert_patient(300000 + at, f"Patient {at:04d}, Test") for at in range(count)]
        for one in made:
            one.result(timeout=20)
