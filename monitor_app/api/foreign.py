"""Which requests a browser may make for a page: what changes something comes from our own pages, or from a program."""

from __future__ import annotations

from tornado.httputil import HTTPServerRequest

from monitor_app.origins import Origins

BROWSERS = "Mozilla/"
"""So every browser calls itself, and no program of the earlier system did."""

OURS = ("none", "same-origin")
"""What a browser says of an address that a person typed, and of our own pages; programs say nothing."""

FOREIGN = "a page of another host may not change anything here: use the pages of this server, or ask without a browser"


UNTOLD = (
    "a browser does not say on plain HTTP which page it asks for, and a page of another host could ask: command on the "
    "pages of this server, serve them by HTTPS, or ask without a browser"
)


def foreign(origins: Origins, request: HTTPServerRequest) -> str | None:
    """Why a request that would change something is refused, or None.

    An address bar that fetches ahead what a person may be about to open is refused, too.
    """
    headers = request.headers
    origin = headers.get("Origin")
    if origin is not None and not origins.admits(origin, request.host):
        return FOREIGN
    site = headers.get("Sec-Fetch-Site")
    if site is None and origin is None and headers.get("User-Agent", "").startswith(BROWSERS):
        # Browsers tell where a request comes from by HTTPS and on their own machine only; a picture tells no Origin.
        return UNTOLD
    if site not in (None, *OURS):
        return FOREIGN
    if "prefetch" in headers.get("Sec-Purpose", headers.get("Purpose", "")).lower():
        return "fetching ahead changes nothing here: open the address itself"
    return None
