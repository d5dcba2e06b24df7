"""Questions to the server's HTTP interface, asked from a cell, which waits for the answer."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode, urlsplit

ANSWER_S = 30.0


class LabError(ConnectionError):
    """The server does not answer, refuses, or is no server of ours; the message says what to do."""


class Http:
    """A server's address and the token that it wants.

    Parameters
    ----------
    url : str
        As in a browser: `http://127.0.0.1:5006`, with the path prefix if the server has one.
    token : str or None
        Bearer token, where the server asks for a sign-in.
    """

    def __init__(self, url: str, token: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise LabError(f"a server's address begins with http:// or https:// and a host: got {url!r}")
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **query: Any) -> tuple[bytes, dict[str, str]]:
        """Body and headers of an answer.

        Raises
        ------
        LabError
            There is none, or it is a refusal.
        """
        given = {name: value for name, value in query.items() if value is not None}
        address = f"{self.url}{path}{'?' if given else ''}{urlencode(given)}"
        try:
            request = urllib.request.Request(address, headers=self.headers)
            with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
                return answer.read(), {name.lower(): value for name, value in answer.headers.items()}
        except urllib.error.HTTPError as error:
            with error:
                raise LabError(self._refusal(address, error.code, error.read(2000))) from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            raise LabError(
                f"no server answers at {self.url} ({reason}): is it running, and is this its address?"
            ) from None

    def json(self, path: str, **query: Any) -> Any:
        """An answer in JSON."""
        body, _headers = self.get(path, **query)
        try:
            return json.loads(body)
        except ValueError:
            raise LabError(f"{self.url} is no Breathwatch server: {path} is not JSON") from None

    def _refusal(self, address: str, code: int, body: bytes) -> str:
        if code in (401, 403):
            return f"{self.url} does not let this notebook in (HTTP {code}): give connect() a token"
        try:
            problem = json.loads(body)
            said = str(problem.get("detail") or problem["title"])
        except (ValueError, KeyError, TypeError, AttributeError):
            said = "is this a Breathwatch server of the same version?"
        return f"{address} answers HTTP {code}: {said}"
