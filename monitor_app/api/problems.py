"""What goes wrong, as RFC 9457 says it: `application/problem+json`, with words that name value, bound and remedy."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import ValidationError

from monitor_app.ward import AdmissionRefused, CommandRefused, StayRefused, StoreBusy, WardError
from store import NotFound, StoreError

MEDIA_TYPE = "application/problem+json"
LONGEST_VALUE = 60

TITLES = {
    400: "The request is not understood",
    403: "This may not be asked from there",
    404: "There is no such thing",
    405: "This address does not take that method",
    406: "There is no answer in that form",
    409: "The ward's state does not allow it",
    413: "The body is too large",
    415: "The body is of the wrong type",
    422: "The Idempotency-Key belongs to another request",
    500: "The server failed",
    503: "The disk does not answer now",
}
STATUS_OF: tuple[tuple[type[Exception], int], ...] = (
    (CommandRefused, 400),
    (AdmissionRefused, 409),
    (StayRefused, 409),
    (StoreBusy, 503),
    (NotFound, 404),
    (StoreError, 503),
)
"""What the ward and the store refuse, and the status of that answer; the first that fits counts."""


class Problem(Exception):  # noqa: N818
    """An answer that is a problem.

    Parameters
    ----------
    status : int
        The HTTP status.
    detail : str
        What is wrong this time, with the bound and the remedy.
    errors : list of dict
        The single fields that are wrong.
    """

    def __init__(self, status: int, detail: str, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors or []

    def as_dict(self, instance: str) -> dict[str, Any]:
        """The problem details of RFC 9457; `errors` lists the fields."""
        title = TITLES.get(self.status) or HTTPStatus(self.status).phrase
        body = {"type": "about:blank", "title": title, "status": self.status}
        body |= {"detail": self.detail, "instance": instance}
        return body | ({"errors": self.errors} if self.errors else {})


def problem_of(error: BaseException | None) -> Problem | None:
    """What an exception is to a client; None where it is the server's own fault."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, WardError | StoreError):
        return Problem(next((status for kind, status in STATUS_OF if isinstance(error, kind)), 400), str(error))
    return None


def field_errors(error: ValidationError, where: str) -> list[dict[str, str]]:
    """Each field that is wrong: where it is, and what is wrong with it."""
    found = []
    for each in error.errors(include_url=False):
        name = "/".join(str(part) for part in each["loc"])
        said = str(each["ctx"]["error"]) if each["type"] == "value_error" else each["msg"]
        if each["type"] == "missing":
            detail = f"{name} is missing"
        elif each["type"] == "extra_forbidden":
            detail = f"{name[:LONGEST_VALUE]} is not known here"
        elif not name or each["type"] == "json_invalid":
            detail = f"the {where} is no JSON object: {said}"
        else:
            detail = f"{name} is {_short(each.get('input'))}: {said}"
        found.append({"in": where, "pointer": f"#/{name[:200]}", "detail": detail})
    return found


def invalid(errors: list[dict[str, str]]) -> Problem:
    """The problem of a request with wrong fields."""
    return Problem(400, "; ".join(each["detail"] for each in errors)[:2000], errors)


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
