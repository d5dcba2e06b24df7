"""Under which names pages are let in, and what those are told that are not (F12)."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor_app.origins import Origins, Place, read_places
from tests.app.live_server import HANDSHAKE, LiveServer, wait_for

OWN = [Place("localhost", 5006), Place("127.0.0.1", 5006)]


def origins(setting: str) -> Origins:
    return Origins(OWN, read_places(setting))


@pytest.mark.parametrize(
    ("setting", "places"),
    [
        ("", []),
        ("wall.example.org:443, Lab-2:8080", ["wall.example.org:443", "lab-2:8080"]),
        ("wall.example.org", ["wall.example.org"]),
        ("https://wall.example.org,http://lab/", ["wall.example.org:443", "lab:80"]),
        ("https://wall.example.org:8443", ["wall.example.org:8443"]),
        ("[::1]:5006", ["[::1]:5006"]),
    ],
)
def test_what_the_setting_says(setting: str, places: list[str]) -> None:
    """As people write it, or copy it from the address bar."""
    assert [str(place) for place in read_places(setting)] == places


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("*", "pages of anybody"),
        ("*.example.org:443", "pages of anybody"),
        ("https://wall.example.org/monitor", "names a page"),
        ("wall.example.org:https", "no port from 1 to 65535"),
        ("wall.example.org:70000", "no port from 1 to 65535"),
        ("wall.example.org:0", "is no host and port"),
        ("ftp://wall.example.org", "is no host and port"),
        ("two words", "is no host and port"),
        (":443", "is no host and port"),
    ],
)
def test_what_the_setting_cannot_mean(setting: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as raised:
        read_places(f"lab:80,{setting}")
    assert setting in str(raised.value)


@pytest.mark.holds("F12.1")
@pytest.mark.parametrize(
    ("setting", "origin", "admitted"),
    [
        ("", "http://localhost:5006", True),
        ("", "http://127.0.0.1:5006", True),
        ("", "http://localhost:5007", False),
        ("", "http://localhost", False),
        ("", "http://wall.example.org", False),
        ("wall.example.org:443", "https://wall.example.org", True),
        ("wall.example.org:443", "https://WALL.example.org:443", True),
        ("wall.example.org:443", "http://wall.example.org", False),
        ("wall.example.org:443", "https://wall.example.org:8443", False),
        ("wall.example.org:443", "https://evil-wall.example.org", False),
        ("wall.example.org:443", "https://wall.example.org.evil.net", False),
        ("wall.example.org", "https://wall.example.org", True),
        ("wall.example.org", "http://wall.example.org", True),
        ("wall.example.org", "http://wall.example.org:5006", False),
        ("wall.example.org:443", "null", False),
        ("wall.example.org:443", "", False),
        ("wall.example.org:443", "wall.example.org:443", False),
    ],
)
def test_who_is_let_in_through_a_proxy_that_gives_its_own_host(setting: str, origin: str, admitted: bool) -> None:
    assert origins(setting).admits(origin, "127.0.0.1:5006") is admitted


@pytest.mark.parametrize(
    ("origin", "host", "admitted"),
    [
        ("https://wall.example.org", "wall.example.org", True),
        ("http://localhost:8080", "localhost:8080", True),
        ("http://localhost:3000", "localhost:8080", False),
        ("https://evil.example", "wall.example.org", False),
        ("null", "null", False),
    ],
)
def test_a_page_may_ask_where_it_comes_from(origin: str, host: str, admitted: bool) -> None:
    """Under any of our names, whatever the port: an SSH tunnel needs no setting; the neighbour's page is not let in."""
    assert origins("wall.example.org:443").admits(origin, host) is admitted


def test_the_remedy_keeps_who_is_let_in_already() -> None:
    assert origins("lab:80").remedy(Place("wall.example.org", 443)) == (
        "MONITOR_ALLOWED_ORIGINS=lab:80,wall.example.org:443"
    )


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that lets one other place in."""
    data = tmp_path_factory.mktemp("proxied") / "data"
    with LiveServer(data, MONITOR_ALLOWED_ORIGINS="lab.example.org:443", MONITOR_PREFIX="/monitor") as running:
        yield running


def ask(server: LiveServer, path: str, **headers: str) -> tuple[int, str, str]:
    """Status, type and text of a GET."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", path, headers=given)
        answer = connection.getresponse()
        # A switched connection stays open.
        text = "" if answer.status == 101 else answer.read().decode()
        return answer.status, answer.getheader("Content-Type", ""), text
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ({"Host": "wall.example.org:8443"}, "wall.example.org:8443"),
        ({"Host": "wall.example.org", "X_Forwarded_Proto": "https"}, "wall.example.org:443"),
        ({"Host": "wall.example.org", "X_Forwarded_Proto": "http"}, "wall.example.org:80"),
        ({"Host": "wall.example.org"}, "wall.example.org"),
    ],
)
def test_a_browser_under_a_foreign_name_reads_what_to_set(
    proxied: LiveServer, headers: dict[str, str], value: str
) -> None:
    """A page for people, and the same line in the log."""
    status, kind, text = ask(proxied, "/monitor/wall", Accept="text/html,*/*", **headers)
    setting = f"MONITOR_ALLOWED_ORIGINS=lab.example.org:443,{value} and restart it"
    assert (status, kind) == (403, "text/html; charset=utf-8")
    assert f"pages of {value} in" in text
    assert setting in text
    wait_for(lambda: setting in proxied.log, 5, "the log")


def test_a_program_under_a_foreign_name_reads_it_as_text(proxied: LiveServer) -> None:
    status, kind, text = ask(proxied, "/monitor/api/v1/rooms", Host="wall.example.org:8443")
    assert (status, kind) == (403, "text/plain; charset=utf-8")
    assert "MONITOR_ALLOWED_ORIGINS=lab.example.org:443,wall.example.org:8443" in text


def test_a_host_that_is_markup_stays_text(proxied: LiveServer) -> None:
    """F13: what a browser was made to ask for is no HTML."""
    _, _, text = ask(proxied, "/monitor/wall", Accept="text/html", Host="<img src=x onerror=alert(1)>")
    assert "<img" not in text


@pytest.mark.parametrize(
    ("origin", "admitted"),
    [
        ("https://lab.example.org", True),
        ("http://lab.example.org", False),
        ("http://localhost:1", False),
        ("null", False),
    ],
)
def test_a_page_is_told_beforehand_what_its_socket_will_meet(proxied: LiveServer, origin: str, admitted: bool) -> None:
    """The answer to a page that names its origin, and that to its socket, are one decision."""
    status, kind, text = ask(proxied, "/monitor/wall?resume=1", X_Page_Origin=origin, Accept="*/*")
    assert (status == 200) is admitted
    socket_status, _, _ = ask(proxied, "/monitor/wall/ws", Origin=origin, **HANDSHAKE)
    assert (socket_status != 403) is admitted
    if not admitted:
        assert (status, kind) == (403, "application/json")
        said = json.loads(text)
        assert said["refused"].startswith("This server ")
        wait_for(lambda: said["remedy"] in proxied.log, 5, "the log")


def test_the_browser_s_own_word_for_the_same_place_opens_no_socket(proxied: LiveServer) -> None:
    """Some browsers send it with a socket and some do not, so that the page could not be told beforehand."""
    word = {"Origin": "https://wall.example.org", "Sec_Fetch_Site": "same-origin"}
    assert ask(proxied, "/monitor/wall/ws", **word, **HANDSHAKE)[0] == 403


def test_a_forwarded_scheme_lets_nobody_in(proxied: LiveServer) -> None:
    """What a proxy says of a request chooses words, and never whether it is answered."""
    forged = {"X_Forwarded_Host": "lab.example.org", "X_Forwarded_Proto": "https", "X_Forwarded_For": "127.0.0.1"}
    assert ask(proxied, "/monitor/api/v1/rooms", Host="evil.example", **forged)[0] == 403


@pytest.mark.holds("F12.1")
def test_a_setting_that_cannot_be_meant_ends_the_start(tmp_path: Path) -> None:
    from monitor_app import config

    with pytest.raises(config.ConfigError, match=r"MONITOR_ALLOWED_ORIGINS: '\*' would let pages of anybody"):
        config.load({"MONITOR_ALLOWED_ORIGINS": "*"})
