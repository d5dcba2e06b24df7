"""Pages that are not let in are told so in words, with the setting that lets them in."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher
from tornado.web import RequestHandler

from monitor_app import assets
from monitor_app.origins import DEFAULT_PORTS, Origins, Place, is_loopback, place_of, read_places

log = logging.getLogger(__name__)

PAGE_ORIGIN = "X-Page-Origin"
"""A page names its own origin by this when it fetches; browsers name it by themselves only where it opens a socket."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a page is not let in, and what to set.

    Attributes
    ----------
    text, remedy : str
        What is the case; what to do about it.
    """

    text: str
    remedy: str

    @classmethod
    def of(cls, origins: Origins, place: Place | None) -> Refusal:
        """The words for a page of that place; None is a page that has no address of its own."""
        if place is None:
            return cls(
                "This server lets no page in that was opened from a file or in a closed frame.",
                "Open the page by the server's own address.",
            )
        setting = origins.remedy(place)
        return cls(f"This server does not let pages of {place} in.", f"On the server, set {setting} and restart it.")


def refusal_of_page(origins: Origins, request: HTTPServerRequest) -> Refusal | None:
    """Whether the page that fetches will be refused its connection, by what it says of itself."""
    return _refusal(origins, request, request.headers.get(PAGE_ORIGIN))


def refusal_of_socket(origins: Origins, request: HTTPServerRequest) -> Refusal | None:
    """Whether a page is refused its connection, by what its browser says; a program names no origin."""
    return _refusal(origins, request, request.headers.get("Origin"))


def _refusal(origins: Origins, request: HTTPServerRequest, origin: str | None) -> Refusal | None:
    if origin is None or origins.admits(origin, request.host):
        return None
    return Refusal.of(origins, place_of(origin))


def note(refusal: Refusal) -> None:
    """Tell the log; it says the same once a minute at most."""
    log.warning("%s %s", refusal.text, refusal.remedy)


def refuse(handler: RequestHandler, refusal: Refusal) -> None:
    """Answer with the words: to a script of ours as JSON, to a browser as a page, to others as text."""
    handler.set_status(403)
    handler.set_header("Cache-Control", "no-store")
    if PAGE_ORIGIN in handler.request.headers:
        handler.set_header("Content-Type", "application/json")
        handler.finish(json.dumps({"refused": refusal.text, "remedy": refusal.remedy}))
    elif "text/html" in handler.request.headers.get("Accept", ""):
        handler.set_header("Content-Type", "text/html; charset=utf-8")
        words = {"text": refusal.text, "remedy": refusal.remedy}
        handler.finish(assets.template("refused.html").render(words, tokens=assets.tokens()))
    else:
        handler.set_header("Content-Type", "text/plain; charset=utf-8")
        handler.finish(f"{refusal.text} {refusal.remedy}\n")


class ForeignHost(Matcher):
    """Matches requests under a name that is none of ours: one made to resolve to us could command pressures."""

    def __init__(self, origins: Origins) -> None:
        self.hosts = origins.hosts

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Nothing to add, or no match."""
        return None if request.host_name.lower() in self.hosts else {}


class ForeignHostHandler(RequestHandler):
    """Says which setting lets a name in."""

    def initialize(self, origins: Origins) -> None:
        """Take who is let in."""
        self.origins = origins

    def prepare(self) -> None:
        """Refuse."""
        refusal = refusal_of_page(self.origins, self.request)
        if refusal is None:
            refusal = Refusal.of(self.origins, _asked_place(self.request))
        note(refusal)
        refuse(self, refusal)


def _asked_place(request: HTTPServerRequest) -> Place | None:
    """The place under which a browser asks; a proxy on this machine tells its scheme."""
    try:
        (place,) = read_places(request.host)
    except ValueError:
        return None
    scheme = request.headers.get("X-Forwarded-Proto", "") if is_loopback(request.remote_ip or "") else ""
    return Place(place.host, place.port or DEFAULT_PORTS.get(scheme))
