"""Under which names browsers reach the server, and what to set where one comes under another.

A page may come by a proxy under any name, while every page in the world can try to reach a server that its visitor can
reach: so a name counts only where the lab has set it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

VARIABLE = "MONITOR_ALLOWED_ORIGINS"
DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


@dataclass(frozen=True, slots=True)
class Place:
    """A host, and the port under which browsers know it; None stands for 80 and 443, which they do not show."""

    host: str
    port: int | None = None

    def __str__(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"

    def covers(self, host: str, port: int) -> bool:
        """Whether this is the place, or one of the two."""
        return self.host == host and (port in DEFAULT_PORTS.values() if self.port is None else port == self.port)


def read_places(text: str) -> list[Place]:
    """Read the setting: places by commas, each `host:port`, `host`, or the beginning of an address.

    Raises
    ------
    ValueError
        One cannot be meant; says which, and what to write.
    """
    return [_read_place(part.strip()) for part in text.split(",") if part.strip()]


def _read_place(text: str) -> Place:
    if "*" in text:
        raise ValueError(f"{text!r} would let pages of anybody command pressures; name each host")
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port
    except ValueError:
        raise ValueError(
            f"{text!r} has no port from 1 to 65535 after its colon; write it as wall.example.org:443"
        ) from None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"{text!r} names a page; write the host and port alone, as wall.example.org:443")
    host = parts.netloc.lower().rpartition("@")[2]
    host = host if port is None else host.rpartition(":")[0]
    if parts.scheme not in ("", *DEFAULT_PORTS) or not _HOST.fullmatch(host) or port == 0:
        raise ValueError(f"{text!r} is no host and port; write it as wall.example.org:443")
    return Place(host, port if port is not None else DEFAULT_PORTS.get(parts.scheme))


def place_of(origin: str) -> Place | None:
    """The place that a page says it comes from; None where it has none, as one opened from a file."""
    try:
        return _read_place(origin) if "://" in origin else None
    except ValueError:
        return None


class Origins:
    """Which names and pages are let in.

    Parameters
    ----------
    own : sequence of Place
        Where the server listens, as a browser on its machine writes it.
    allowed : sequence of Place
        What the lab has set.
    """

    def __init__(self, own: Sequence[Place], allowed: Sequence[Place]) -> None:
        self.own = tuple(own)
        self.allowed = tuple(allowed)

    @property
    def hosts(self) -> set[str]:
        """The names under which requests are answered at all."""
        return {place.host for place in (*self.own, *self.allowed)}

    def admits(self, origin: str, host: str) -> bool:
        """Whether a page may open a connection.

        Parameters
        ----------
        origin : str
            The page's, as its browser names it.
        host : str
            The one that is asked, with its port, whose name is known to be ours: a page may ask where it comes from.
            A proxy that puts another in its place needs the page's own to be set.
        """
        page = place_of(origin)
        if page is None or page.port is None:
            return False
        if urlsplit(origin).netloc.lower() == host.lower():
            return True
        return any(place.covers(page.host, page.port) for place in (*self.own, *self.allowed))

    def remedy(self, wanted: Place) -> str:
        """The setting that would let a place in, and keeps what is let in now."""
        return f"{VARIABLE}={','.join(str(place) for place in (*self.allowed, wanted))}"

    def for_bokeh(self) -> list[str]:
        """The same for Bokeh's own handlers, which take a port that is not shown for 80, whatever the scheme."""
        places = (*self.own, *self.allowed)
        return sorted(
            f"{place.host}:{80 if place.port in (None, *DEFAULT_PORTS.values()) else place.port}" for place in places
        )


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
