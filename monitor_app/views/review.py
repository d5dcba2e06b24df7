"""The review of stored nights: which there are, one of them from eight hours to one breath, another one beside it.

A page's figures are Bokeh's, made by the page itself (assets/js/review_figures.js), so that they outlive every session:
after a loss they stand as they were, zoom and all. What the session gives is answers: a recording's events, and its
signals over the visible range.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from bokeh.document import Document

from monitor_app.push import Tell
from monitor_app.records import review
from monitor_app.ward import Change

from .page import PageContext, open_worked_page, worked_page

LARGEST_ID = 2**53
MOST_SEARCHED = 100
LONGEST_S = 400 * 86400.0

review_page = worked_page("review", "Review")


def review_document(doc: Document, context: PageContext) -> None:
    """Fill a document with the review's questions and answers."""
    tell: Tell | None = None

    async def on_request(request: dict[str, Any]) -> str | dict[str, Any]:
        return await answer(context, request)

    def on_change(change: Change) -> None:
        if tell is not None:
            tell("review", {"room": change.room, "mrn": change.mrn, "kind": change.kind})

    tell = open_worked_page(doc, context, on_request, on_change)


async def answer(context: PageContext, request: dict[str, Any]) -> str | dict[str, Any]:
    """What a page asked for, or what is wrong with it in words."""
    records, now = context.records, context.ward.now
    try:
        match request.get("type"):
            case "recordings":
                search, before = str(request.get("search") or "")[:MOST_SEARCHED], request.get("before")
                before = None if before is None else whole("before", before)
                return await records.ask(partial(review.list_recordings, search=search, before=before, now=now))
            case "open":
                recording = request.get("recording")
                if recording is None:
                    mrn = whole("MRN", request.get("mrn"))
                    number = await records.ask(partial(review.latest_of_patient, mrn=mrn))
                else:
                    number = whole("Recording", recording)
                return await records.ask(partial(review.open_recording, recording_id=number, now=now))
            case "window":
                number = whole("recording", request.get("recording"))
                start_s, end_s = (seconds(name, request.get(name)) for name in ("start_s", "end_s"))
                pieces = whole("pieces", request.get("pieces"))
                asked = partial(review.window, recording_id=number, start_s=start_s, end_s=end_s, pieces=pieces)
                return await records.look(asked)
    except (review.NothingFound, ValueError) as error:
        return str(error)
    return f"The review has no answer to {request.get('type')!r}"


def whole(name: str, given: Any) -> int:
    """A whole number from 1 on, as it stands in an address."""
    text = str(given)
    if isinstance(given, bool) or not (text.isascii() and text.isdigit() and 0 < len(text) < 17 and int(text) > 0):
        raise ValueError(f"{name} must be a whole number from 1 on: got {text[:40]!r}")
    return min(int(text), LARGEST_ID)


def seconds(name: str, given: Any) -> float:
    """A recording time in s."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) <= LONGEST_S:
        raise ValueError(f"{name} must be a time in s: got {str(given)[:40]!r}")
    return float(given)
