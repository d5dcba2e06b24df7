"""What all handlers for programs share: a body that is bounded, JSON that is never cached."""

from __future__ import annotations

import json
from typing import Any

from tornado.web import RequestHandler, stream_request_body

BODY_WITHIN_S = 60.0
SMALL_BODY_BYTES = 64 << 10
NO_CONTENT = 204
PICTURE_BODY_BYTES = 4 << 20
"""A body with a picture in base64; recordings come by other ways."""


@stream_request_body
class BoundedHandler(RequestHandler):
    """Takes a body up to a bound, and beyond it reads on and keeps nothing.

    One that answered at once would close the connection under a client that is still sending, who then hears a reset
    instead of the answer.
    """

    most_bytes = SMALL_BODY_BYTES

    def prepare(self) -> None:
        """Begin without a body."""
        self.body = bytearray()
        self.body_bytes = 0
        connection: Any = self.request.connection
        connection.set_body_timeout(BODY_WITHIN_S)

    def data_received(self, chunk: bytes) -> None:
        """Keep what is within the bound."""
        self.body_bytes += len(chunk)
        if self.body_bytes <= self.most_bytes:
            self.body += chunk
        else:
            self.body.clear()

    @property
    def is_too_large(self) -> bool:
        """Whether there was more than the bound."""
        return self.body_bytes > self.most_bytes

    @property
    def too_large(self) -> str:
        """What is said then."""
        return f"the body has {self.body_bytes} bytes, at most {self.most_bytes} are taken: send a smaller one"

    def compute_etag(self) -> None:
        """Nothing that is not cached needs one."""
        return

    def say(self, body: bytes | str, content_type: str, status: int = 200, caching: str = "no-store") -> None:
        """Finish with this, and with nothing that a browser would take for a page."""
        self.set_status(status)
        self.set_header("Cache-Control", caching)
        if status == NO_CONTENT:
            self.finish()
            return
        self.set_header("Content-Type", content_type)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish(body)

    def say_json(self, body: Any, status: int = 200, content_type: str = "application/json") -> None:
        """Finish with JSON."""
        self.say(json.dumps(body, allow_nan=False), content_type, status)
