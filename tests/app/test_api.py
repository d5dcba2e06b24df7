"""`/api/v1`: patients come, move and go by HTTP; everything that goes wrong is a problem by RFC 9457 (F50, F51)."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.app.api_server import ApiServer, with_api
from tests.app.flow_pictures import jpeg, png
from tests.app.live_server import LiveServer


def get(server: LiveServer, path: str) -> tuple[int, Any]:
    """Status and JSON."""
    status, body = server.get("/api/v1" + path)
    return status, json.loads(body)


def post(server: LiveServer, path: str, body: Any, key: str) -> tuple[int, Any]:
    """Status and JSON of a command."""
    return server.post("/api/v1" + path, body, Idempotency_Key=key)


def detail_of(answer: tuple[int, Any], status: int) -> str:
    """The words of a problem, which has all that RFC 9457 asks for."""
    assert answer[0] == status, answer
    problem = answer[1]
    assert {"type", "title", "status", "detail", "instance"} <= problem.keys()
    assert problem["status"] == status
    return str(problem["detail"])


def discharge(server: LiveServer, room: int, key: str) -> int:
    """Status of a discharge, which needs no body."""
    headers = {"Idempotency-Key": key}
    request = urllib.request.Request(f"{server.url}/api/v1/rooms/{room}/discharge", b"", headers)
    try:
        with urllib.request.urlopen(request) as answer:
            assert answer.read() == b""
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.holds("F50.1", "F50.2", "F50.3", "F50.4")
def test_a_patient_is_admitted_corrected_transferred_and_discharged(server: LiveServer, room: int) -> None:
    there = room + 500_000
    person = {"mrn": room, "patient_name": "Ada", "date_of_birth": "1990-01-02"}
    status, shown = post(server, f"/rooms/{room}/admission", person, f"a{room}")
    assert (status, shown["mrn"], shown["patient_name"]) == (200, room, "Ada")
    assert (shown["date_of_birth"], shown["state"], shown["max_pressure_cmh2o"]) == ("1990-01-02", "silent", 20)
    status, shown = patch(server, f"/rooms/{room}/patient", {"mrn": there, "patient_name": "Ada L"})
    assert (status, shown["mrn"], shown["patient_name"], shown["date_of_birth"]) == (200, there, "Ada L", "1990-01-02")
    status, shown = post(server, f"/rooms/{room}/transfer", {"to_room": there}, f"t{room}")
    assert (status, shown["room"], shown["mrn"]) == (200, there, there)
    assert room not in server.rooms()
    assert discharge(server, there, f"d{room}") == 204
    assert there not in server.rooms()
    assert discharge(server, there, f"d{room}") == 204, "the same command again is done already"
    assert discharge(server, there, f"e{room}") == 409, "another one finds nobody"
    assert get(server, f"/patients/{there}")[1]["room"] is None
    stays = get(server, f"/patients/{there}/stays")[1]
    assert [(each["room"], each["ended_at"] is not None) for each in stays] == [(room, True), (there, True)]
    trail = get(server, f"/audit?mrn={there}")[1]["items"]
    assert {(each["action"], each["by"]) for each in trail} >= {("corrected", "API"), ("discharged", "API")}


@pytest.mark.holds("F5.1", "F34.5", "F50.2", "F50.4")
def test_what_the_ward_refuses(server: LiveServer, room: int) -> None:
    there = room + 500_000
    post(server, f"/rooms/{room}/admission", {"mrn": room}, f"a{room}")
    post(server, f"/rooms/{there}/admission", {"mrn": there}, f"b{room}")
    words = f"MRN {room} is already assigned to Room {room}"
    taken = f"Room {there} has another patient: discharge MRN {there} first"
    assert detail_of(post(server, f"/rooms/{there}/admission", {"mrn": room}, f"c{room}"), 409) == words
    assert detail_of(patch(server, f"/rooms/{there}/patient", {"mrn": room}), 409) == words
    assert detail_of(post(server, f"/rooms/{there}/admission", {"mrn": there + 1}, f"d{room}"), 409) == taken
    assert detail_of(post(server, f"/rooms/{room}/transfer", {"to_room": there}, f"e{room}"), 409) == taken
    assert "already" in detail_of(post(server, f"/rooms/{room}/transfer", {"to_room": room}, f"f{room}"), 409)
    rooms = server.rooms()
    assert (rooms[room]["mrn"], rooms[there]["mrn"]) == (room, there)
    replacing = {"mrn": there + 1, "replaces_mrn": there}
    assert post(server, f"/rooms/{there}/admission", replacing, f"g{room}")[1]["mrn"] == there + 1


@pytest.mark.holds("F33.1")
@pytest.mark.parametrize(("picture", "kind"), [(png(), "image/png"), (jpeg(), "image/jpeg")])
def test_a_measurement_and_its_picture(server: LiveServer, room: int, picture: bytes, kind: str) -> None:
    post(server, f"/rooms/{room}/admission", {"mrn": room}, f"a{room}")
    said = {"pressure_cmh2o": 9, "respiratory_rate_per_min": 14.5, "apnea_count": 2}
    body = {**said, "flow_image": base64.b64encode(picture).decode(), "mrn": room}
    status, measured = post(server, f"/rooms/{room}/measurements", body, f"m{room}")
    assert status == 201
    assert {key: measured[key] for key in said} == said
    assert post(server, f"/rooms/{room}/measurements", body, f"m{room}") == (201, measured)
    page = get(server, f"/patients/{room}/measurements")[1]
    assert page == {"items": [measured], "next": None}, "the same command again adds nothing"
    with urllib.request.urlopen(f"{server.url}/api/v1/measurements/{measured['id']}/flow.png") as answer:
        assert answer.read() == picture
        assert answer.headers["Content-Type"] == kind
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "immutable" in answer.headers["Cache-Control"]
    assert server.rooms()[room]["total_apnea_count"] == 2
    assert get(server, f"/rooms/{room}")[1]["measurement"] == measured
    wrong = {**said, "mrn": room + 1}
    assert f"has MRN {room}" in detail_of(post(server, f"/rooms/{room}/measurements", wrong, f"n{room}"), 409)
    broken = {**said, "flow_image": "aGVsbG8="}
    assert "no PNG or JPEG" in detail_of(post(server, f"/rooms/{room}/measurements", broken, f"o{room}"), 400)


@pytest.mark.holds("F51.1")
def test_a_moment_is_marked_once(server: LiveServer, room: int) -> None:
    post(server, f"/rooms/{room}/admission", {"mrn": room}, f"a{room}")
    note = {"kind": "note", "text": "turned <b>left</b>"}
    status, marked = post(server, f"/rooms/{room}/marks", note, f"k{room}")
    assert (status, marked["text"], marked["by"]) == (201, "turned <b>left</b>", "API")
    assert post(server, f"/rooms/{room}/marks", note, f"k{room}") == (201, marked)
    assert get(server, f"/rooms/{room}/marks") == (200, [marked])
    assert "needs a text" in detail_of(post(server, f"/rooms/{room}/marks", {"kind": "note"}, f"l{room}"), 409)
    said = detail_of(post(server, f"/rooms/{room}/marks", {"kind": "party"}, f"p{room}"), 400)
    assert "'lights_off'" in said


def test_every_wrong_field_is_named(server: LiveServer, room: int) -> None:
    body = {"pressure_cmh2o": 26, "respiratory_rate_per_min": -1, "apnea_count": "2", "colour": "red"}
    status, problem = server.post(f"/api/v1/rooms/{room}/measurements", body)
    assert status == 400
    found = {(each["in"], each["pointer"]): each["detail"] for each in problem["errors"]}
    assert found.keys() == {
        ("header", "#/Idempotency-Key"),
        ("body", "#/pressure_cmh2o"),
        ("body", "#/respiratory_rate_per_min"),
        ("body", "#/apnea_count"),
        ("body", "#/colour"),
    }
    assert found["body", "#/pressure_cmh2o"] == "pressure_cmh2o is 26: CPAP Pressure is not between 4 and 25"
    assert found["body", "#/respiratory_rate_per_min"].startswith("respiratory_rate_per_min is -1: ")
    assert problem["instance"] == f"/api/v1/rooms/{room}/measurements"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/rooms/x", "room is 'x'"),
        ("/rooms/0", "greater than or equal to 1"),
        ("/rooms/99999999999999999999", "room is"),
        ("/patients?limit=201", "limit is '201'"),
        ("/patients?colour=red", "colour is not known here"),
        ("/rooms?room=1", "takes no parameters"),
        ("/patients/7?mrn=8", "in the path already"),
        (f"/patients?q={'x' * 101}", "at most 100 characters"),
    ],
)
def test_a_wrong_question_is_answered_with_the_bound(server: LiveServer, path: str, words: str) -> None:
    assert words in detail_of(get(server, path), 400)


@pytest.mark.parametrize("path", ["/rooms/4711", "/patients/4711", "/patients/4711/stays", "/nothing", "/", "/rooms/"])
def test_what_is_not_there_says_so(server: LiveServer, path: str) -> None:
    assert detail_of(get(server, path), 404)


@pytest.mark.parametrize("method", ["DELETE", "PUT", "TRACE", "OPTIONS", "POST"])
def test_another_method_is_answered_with_those_there_are(server: LiveServer, method: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, "/api/v1/rooms", headers={"Origin": server.url})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Access-Control-Allow-Origin" not in answer.headers, "no page of another host may read"
    assert "use GET or HEAD" in json.loads(answer.read())["detail"]
    connection.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": ""}, 415),
        ({}, 200),
    ],
)
def test_a_page_of_another_host_changes_nothing(
    server: LiveServer, room: int, headers: dict[str, str], status: int
) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"k{room}", **headers}
    path = f"/api/v1/rooms/{room}/admission"
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", path, json.dumps({"mrn": room}), headers)
    assert connection.getresponse().status == status
    connection.close()
    assert (room in server.rooms()) == (status == 200)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"mrn": NaN}', b"[" * 50_000, b'{"mrn": ' + b"9" * 5000])
def test_a_body_that_is_no_object(server: LiveServer, room: int, body: bytes) -> None:
    assert detail_of(post(server, f"/rooms/{room}/admission", body, "k"), 400)


def test_a_body_that_is_too_large(server: LiveServer, room: int) -> None:
    said = detail_of(post(server, f"/rooms/{room}/admission", b" " * (1 << 20), "k"), 413)
    assert said == "the body has 1048576 bytes, at most 65536 are taken: send a smaller one"


def test_a_key_that_was_given_with_another_request(server: LiveServer, room: int) -> None:
    post(server, f"/rooms/{room}/admission", {"mrn": room}, f"a{room}")
    answer = post(server, f"/rooms/{room}/admission", {"mrn": room, "patient_name": "Eve"}, f"a{room}")
    assert "use a new key" in detail_of(answer, 422)
    assert get(server, f"/rooms/{room}")[1]["patient_name"] is None


def test_patients_are_found_page_by_page(tmp_path: Path) -> None:
    async def story(api: ApiServer) -> None:
        for mrn, name in ((7, "Ada"), (70, "Ben 50%"), (71, "Cem"), (8, None)):
            await api.ward.stays.admit(100 + mrn, mrn, name, by="test")

        async def found(query: str) -> tuple[list[int], int | None]:
            page = (await api.ask(f"/api/v1/patients{query}"))[1]
            return [each["mrn"] for each in page["items"]], page["next"]

        assert await found("") == ([7, 8, 70, 71], None)
        assert await found("?limit=3") == ([7, 8, 70], 70)
        assert await found("?limit=3&after=70") == ([71], None)
        assert await found("?q=7") == ([7, 70, 71], None)
        assert await found("?q=EM") == ([71], None)
        assert await found("?q=%25") == ([70], None), "a percent sign is no wildcard"
        assert await found("?q=_") == ([], None)
        assert (await api.ask("/api/v1/patients/70"))[1]["room"] == 170

    with_api(tmp_path, story)


def test_measurements_and_the_trail_come_page_by_page(tmp_path: Path) -> None:
    async def story(api: ApiServer) -> None:
        await api.ward.stays.admit(101, 7, by="test")
        for rate in range(5):
            measured = {"pressure_cmh2o": 9, "respiratory_rate_per_min": float(rate), "apnea_count": 0}
            await api.ward.stays.measure(101, **measured)
        await api.ward.stays.discharge(101, by="test")
        for path, expected in (
            ("/api/v1/patients/7/measurements?limit=2", [[4.0, 3.0], [2.0, 1.0], [0.0]]),
            ("/api/v1/audit?limit=1", [["discharged"], ["admitted"]]),
        ):
            before = ""
            for part in expected:
                page = (await api.ask(path + before))[1]
                assert [each.get("respiratory_rate_per_min", each.get("action")) for each in page["items"]] == part
                before = f"&before={page['next']}"
            assert page["next"] is None

    with_api(tmp_path, story)


def test_the_log_names_no_patient(server: LiveServer) -> None:
    get(server, "/patients/4711?before=Archibald")
    get(server, "/patients?colour=Archibald")
    log = server.log
    assert "/api/v1/patients/{mrn}" in log
    assert "4711" not in log.replace("/rooms/4711", "")
    assert "Archibald" not in log


def patch(server: LiveServer, path: str, body: Any) -> tuple[int, Any]:
    """Status and JSON of a PATCH."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.url}/api/v1{path}", json.dumps(body).encode(), headers, method="PATCH")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.mark.holds("F50.2", "F50.3")
@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("pressure", {"pressure_cmh2o": 9}),
        ("transfer", {"to_room": 2_000_000_000}),
        ("discharge", {}),
        ("marks", {"kind": "lights_off"}),
    ],
)
def test_an_order_for_the_patient_before_is_refused(
    server: LiveServer, room: int, what: str, body: dict[str, Any]
) -> None:
    """A program that was slow to learn who is in the room now."""
    post(server, f"/rooms/{room}/admission", {"mrn": room}, f"a{room}")
    answer = post(server, f"/rooms/{room}/{what}", body | {"mrn": room + 1}, f"{what}{room}")
    assert "has another patient by now" in detail_of(answer, 409)
    shown = get(server, f"/rooms/{room}")[1]
    assert (shown["mrn"], shown["commands"], shown["marks"]) == (room, [], [])
