"""Which requests a browser may make for a page: what changes something comes from our own pages, or from a program."""

from __future__ import annotations

from tornado.httputil import HTTPServerRequest

from monitor_app.origins import Origins

OURS = ("none", "same-origin")
"""What a browser says of an address that a person typed, and of our own pages; programs say nothing."""

FOREIGN = "a page of another host may not change anything here: use the pages of this server, or ask without a browser"


def foreign(origins: Origins, request: HTTPServerRequest) -> str | None:
    """Why a request that would change something is refused, or None.

    An address bar that fetches ahead what a person may be about to open is refused, too.
    """
    headers = request.headers
    origin = headers.get("Origin")
    if origin is not None and not origins.admits(origin, request.host):
        return FOREIGN
    if headers.get("Sec-Fetch-Site", "none") not in OURS:
        return FOREIGN
    if "prefetch" in headers.get("Sec-Purpose", headers.get("Purpose", "")).lower():
        return "fetching ahead changes nothing here: open the address itself"
    return None
