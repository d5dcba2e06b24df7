"""The routes of the earlier server, by HTTP: exact words, types and codes (F28 to F31, F33, F34)."""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.app.api_server import ApiServer, with_api
from tests.app.flow_pictures import noisy, png
from tests.app.live_server import LiveServer
from tests.app.live_server import _fetch as fetch

CREATED, UPDATED = (200, "New patient created"), (200, "Patient successfully updated")
PICTURE = base64.b64encode(png()).decode()


def sent(room: int, **changed: Any) -> dict[str, Any]:
    """What a client sends of a patient with its room's number as MRN."""
    return {
        "patient_mrn": room,
        "room_number": room,
        "patient_name": "Ada",
        "CPAP_pressure": 9,
        "breath_rate": 14.25,
        "apnea_count": 2,
        "flow_image": PICTURE,
        **changed,
    }


def listed(server: LiveServer, room: int) -> dict[str, Any] | None:
    """A room's patient in `/get_all_patients`."""
    status, body = server.get("/get_all_patients")
    assert status == 200
    return next((each for each in json.loads(body) if each["room_number"] == room), None)


@pytest.mark.holds("F28.1", "F28.4", "F28.7", "F31.1", "F31.4", "F33.1")
def test_a_patient_is_created_then_updated_and_listed(server: LiveServer, room: int) -> None:
    before = time.time()
    assert server.post("/add_patient", sent(room)) == CREATED
    assert server.post("/add_patient", sent(room, CPAP_pressure="", patient_name="Ada L")) == UPDATED
    assert server.post("/add_patient", sent(room, breath_rate="Not measured", patient_name="")) == UPDATED
    assert server.post("/add_patient", sent(room, CPAP_pressure=11, apnea_count="0", flow_image="")) == UPDATED
    patient = listed(server, room)
    assert patient is not None
    stamps = patient.pop("timestamp")
    assert patient == {
        "patient_mrn": room,
        "room_number": room,
        "patient_name": "Ada",
        "CPAP_pressure": [9, 11],
        "breath_rate": [14.25, 14.25],
        "apnea_count": [2, 0],
        "flow_image": [PICTURE, ""],
    }
    for stamp in stamps:
        received = datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
        assert before - 1 < received <= time.time()
    assert all(type(each) is int for each in [*patient["CPAP_pressure"], *patient["apnea_count"]])


@pytest.mark.holds("F28.7")
@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_the_body_is_json_whatever_it_calls_itself(server: LiveServer, room: int, kind: str) -> None:
    request = urllib.request.Request(server.url + "/add_patient", json.dumps(sent(room)).encode())
    request.add_header("Content-Type", kind)
    assert fetch(request) == (200, b'"New patient created"')


@pytest.mark.holds("F28.2", "F28.5", "F28.6", "F34.1", "F34.2", "F34.3", "F34.4", "F34.6")
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"CPAP_pressure": 26}, "CPAP Pressure is not between 4 and 25"),
        ({"CPAP_pressure": 3, "breath_rate": ""}, "CPAP Pressure is not between 4 and 25"),
        ({"breath_rate": float("nan")}, "Key breath_rate is nan; it must lie between 0 and 1000 breaths/min"),
        ({"breath_rate": float("inf")}, "Key breath_rate is inf; it must lie between 0 and 1000 breaths/min"),
        ({"breath_rate": -1}, "Key breath_rate is -1; it must lie between 0 and 1000 breaths/min"),
        ({"apnea_count": -1}, "Key apnea_count is -1; it must lie between 0 and 1000000"),
        ({"patient_mrn": ""}, "Key patient_mrn is not an int or numeric string"),
        ({"apnea_count": "two"}, "Key apnea_count is not an int or numeric string"),
        ({"patient_name": 5}, "Key patient_name has the incorrect value type"),
        (
            {"flow_image": base64.b64encode(b"<svg/>").decode()},
            "Key flow_image is no PNG or JPEG in base64: it is neither a PNG nor a JPEG",
        ),
    ],
)
def test_what_cannot_be_changes_nothing(server: LiveServer, room: int, changed: dict[str, Any], words: str) -> None:
    """Neither creates a patient nor changes one, not even the name."""
    assert server.post("/add_patient", sent(room, **changed)) == (400, words)
    assert listed(server, room) is None
    assert server.post("/add_patient", sent(room)) == CREATED
    assert server.post("/add_patient", {**sent(room), "patient_name": "Eve", **changed}) == (400, words)
    patient = listed(server, room)
    assert patient is not None
    assert (patient["patient_name"], patient["CPAP_pressure"]) == ("Ada", [9])


@pytest.mark.holds("F28.2", "F28.6")
def test_no_dictionary_and_a_missing_key(server: LiveServer, room: int) -> None:
    assert server.post("/add_patient", b"[]") == (400, "Input is not a dictionary")
    body = sent(room)
    del body["breath_rate"]
    assert server.post("/add_patient", body) == (400, "Key breath_rate is missing from input")
    assert listed(server, room) is None


def test_a_body_of_25_mb_is_refused_in_words(server: LiveServer, room: int) -> None:
    """The client, still sending, hears the answer and no reset; the server goes on."""
    body = sent(room, flow_image="A" * (25 << 20))
    status, words = server.post("/add_patient", body)
    assert status == 413
    assert "at most 4194304 are taken: send a smaller one" in words
    assert server.post("/add_patient", sent(room)) == CREATED


@pytest.mark.holds("F5.1", "F34.5")
def test_a_patient_who_is_in_another_room_is_refused(server: LiveServer, room: int) -> None:
    assert server.post("/add_patient", sent(room)) == CREATED
    there = room + 500_000
    words = f"MRN {room} is already assigned to Room {room}"
    assert server.post("/add_patient", sent(there, patient_mrn=str(room))) == (400, words)
    assert listed(server, there) is None
    assert server.post("/add_patient", sent(there)) == CREATED
    assert server.post("/add_patient", sent(there, patient_mrn=room, patient_name="Eve")) == (400, words)
    assert [listed(server, each)["patient_name"] for each in (room, there)] == ["Ada", "Ada"]  # type: ignore[index]


@pytest.mark.holds("F31.1", "F33.2", "F33.3", "F29.3")
def test_another_patient_in_a_room_begins_anew(server: LiveServer, room: int) -> None:
    """The one before is kept and stays readable, and is known on the way back."""
    other = room + 500_000
    assert server.post("/add_patient", sent(room)) == CREATED
    server.get(f"/new_cpap_pressure/{room}/12")
    absent = {"CPAP_pressure": "Not measured", "breath_rate": "Not measured", "apnea_count": "", "flow_image": ""}
    assert server.post("/add_patient", sent(room, patient_mrn=other, patient_name="Ben", **absent)) == CREATED
    assert server.get(f"/CPAP_query/{room}") == (200, b"null")
    patient = listed(server, room)
    assert patient is not None
    assert (patient["patient_mrn"], patient["patient_name"], patient["CPAP_pressure"]) == (other, "Ben", [])
    kept = json.loads(server.get(f"/api/v1/patients/{room}/measurements")[1])["items"]
    assert [each["pressure_cmh2o"] for each in kept] == [9]
    assert server.post("/add_patient", sent(room, patient_mrn=str(room))) == UPDATED
    assert listed(server, room)["CPAP_pressure"] == [9, 9]  # type: ignore[index]


@pytest.mark.holds("F20.3", "F29.1")
def test_a_client_asks_for_its_pressure(server: LiveServer, room: int) -> None:
    """What was measured, until something is commanded; that is delivered by being asked for."""
    server.post("/add_patient", sent(room, CPAP_pressure=""))
    assert server.get(f"/CPAP_query/{room}") == (200, b"null")
    server.post("/add_patient", sent(room))
    assert server.get(f"/CPAP_query/{room}") == (200, b"9")
    command = server.post(f"/api/v1/rooms/{room}/pressure", {"pressure_cmh2o": 12}, Idempotency_Key=f"q{room}")[1]
    assert command["state"] == "commanded"
    assert server.get(f"/CPAP_query/00{room}") == (200, b"12")
    newest = json.loads(server.get(f"/api/v1/rooms/{room}")[1])["commands"][0]
    assert (newest["command_id"], newest["state"]) == (f"q{room}", "delivered")


@pytest.mark.holds("F29.2")
@pytest.mark.parametrize("asked", ["999999999", "0", "-1", "x", "", "1.5", "%00", "1" * 400, "%F0%9F%98%80", "١"])
def test_a_room_without_a_patient_or_that_is_none(server: LiveServer, asked: str) -> None:
    status, body = server.get(f"/CPAP_query/{urllib.request.quote(asked, safe='%')}")
    is_number = asked.lstrip("-").isascii() and asked.lstrip("-").isdigit() and len(asked) < 30
    assert (status, json.loads(body)) == (
        400,
        "Patient not in database" if is_number else "Room number is not an integer",
    )


@pytest.mark.holds("F30.1")
def test_a_pressure_is_commanded_by_get(server: LiveServer, room: int) -> None:
    server.post("/add_patient", sent(room))
    for asked, value in ((f"{room}/4", 4), (f"00{room}/025", 25)):
        with urllib.request.urlopen(f"{server.url}/new_cpap_pressure/{asked}") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert answer.read().decode() == f"Room number {room} CPAP pressure updated to {value}"
    assert server.rooms()[room]["pressure_cmh2o"] == 25
    commands = json.loads(server.get(f"/api/v1/rooms/{room}")[1])["commands"]
    assert [(each["pressure_cmh2o"], each["by"]) for each in commands] == [
        (25, "API, existing client"),
        (4, "API, existing client"),
    ]


@pytest.mark.holds("F30.2")
@pytest.mark.parametrize("asked", ["{room}/3", "{room}/26", "{room}/x", "{room}/9.5", "{room}/", "x/9", "999999999/9"])
def test_a_command_by_get_that_cannot_be(server: LiveServer, room: int, asked: str) -> None:
    server.post("/add_patient", sent(room))
    answer = server.get("/new_cpap_pressure/" + asked.format(room=room))
    assert answer == (400, b"Bad value for room number or new value")
    assert server.rooms()[room]["pressure_cmh2o"] == 9


@pytest.mark.holds("F30.3")
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", "Referer": "http://evil.example/"},
        {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"},
        {"Sec-Purpose": "prefetch;prerender", "Sec-Fetch-Site": "none"},
    ],
)
def test_a_page_of_another_host_commands_nothing(server: LiveServer, room: int, headers: dict[str, str]) -> None:
    """A picture in a hostile page, or an address that a browser fetches ahead, is no command."""
    server.post("/add_patient", sent(room))
    for path, body in ((f"/new_cpap_pressure/{room}/12", None), ("/add_patient", json.dumps(sent(room)).encode())):
        assert fetch(urllib.request.Request(server.url + path, body, headers))[0] == 403
    assert server.rooms()[room]["pressure_cmh2o"] == 9
    by_hand = {"Sec-Fetch-Site": "none"}
    assert fetch(urllib.request.Request(f"{server.url}/new_cpap_pressure/{room}/12", None, by_hand))[0] == 200


@pytest.mark.holds("F30.3")
def test_commands_by_get_can_be_switched_off(tmp_path: Path) -> None:
    async def story(api: ApiServer) -> None:
        assert await api.ask("/add_patient", sent(101)) == CREATED
        status, words = await api.ask("/new_cpap_pressure/101/12")
        assert status == 403
        assert "POST to /api/v1/rooms/<room>/pressure" in words
        assert await api.ask("/CPAP_query/101") == (200, 9)
        assert (await api.ask("/api/v1/rooms/101/pressure", {"pressure_cmh2o": 12}, Idempotency_Key="k"))[0] == 202
        assert await api.ask("/CPAP_query/101") == (200, 12)

    with_api(tmp_path, story, get_commands=False)


@pytest.mark.holds("F31.2", "F31.3")
def test_times_are_the_labs_and_a_missing_name_says_so(tmp_path: Path) -> None:
    """In Kathmandu it is 5 h 45 min later; a measurement of our own pages has its picture there too."""

    async def story(api: ApiServer) -> None:
        await api.ward.stays.admit(101, 7, by="page")
        measured = {"pressure_cmh2o": 9, "respiratory_rate_per_min": 14.0, "flow_image": png()}
        await api.ward.stays.measure(101, apnea_count=None, **measured)
        (patient,) = (await api.ask("/get_all_patients"))[1]
        assert patient["patient_name"] == "Not provided"
        assert patient["timestamp"] == ["2027-01-15 13:45:00"]
        assert patient["flow_image"] == [PICTURE]
        assert patient["apnea_count"] == [None]

    with_api(tmp_path, story, zone=ZoneInfo("Asia/Kathmandu"))


def test_a_list_of_many_pictures_comes_in_parts(tmp_path: Path) -> None:
    """60 measurements with 150 kB each, of two patients, and one who was discharged."""
    picture = noisy()
    assert len(picture) > 150_000

    async def story(api: ApiServer) -> None:
        for room in (101, 102, 103):
            await api.ward.stays.admit(room, room, "N" * 200, by="page")
        await api.ward.stays.discharge(102, by="page")
        measured = {"pressure_cmh2o": 9, "respiratory_rate_per_min": 14.0, "apnea_count": 1, "flow_image": picture}
        for _ in range(30):
            await api.ward.stays.measure(101, **measured)
            await api.ward.stays.measure(103, **measured)
        status, patients = await api.ask("/get_all_patients")
        assert (status, [each["room_number"] for each in patients]) == (200, [101, 103])
        for patient in patients:
            lists = [each for each in patient.values() if isinstance(each, list)]
            assert {len(each) for each in lists} == {30}
            assert {base64.b64decode(each) for each in patient["flow_image"]} == {picture}

    with_api(tmp_path, story)


def test_an_empty_ward_is_an_empty_list(tmp_path: Path) -> None:
    async def story(api: ApiServer) -> None:
        assert await api.ask("/get_all_patients") == (200, [])

    with_api(tmp_path, story)


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [("/add_patient", "GET", "POST"), ("/CPAP_query/1", "POST", "GET"), ("/new_cpap_pressure/1/9", "DELETE", "GET")],
)
def test_another_method_is_answered_with_those_there_are(
    server: LiveServer, path: str, method: str, allowed: str
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(server.url + path, method=method))
    with refused.value as answer:
        assert (answer.code, answer.headers["Allow"]) == (405, allowed)
