"""Pages as they are fetched: HTML that is ready before anybody asks, with a token of its own for each visitor.

Bokeh makes a session for whoever fetches an address, and from it the page. Here the session begins with the page's
WebSocket, so that a fetch costs half a millisecond, and one that nobody connects to leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bokeh
from bokeh.server.connection import ServerConnection
from bokeh.server.contexts import ApplicationContext
from bokeh.server.views.auth_request_handler import AuthRequestHandler
from bokeh.util.token import generate_jwt_token, generate_session_id
from panel.io.server import WSHandler
from tornado.web import authenticated

from monitor_app import assets
from monitor_app.origins import Origins

from .refusal import note, refusal_of_page, refusal_of_socket, refuse

Arguments = dict[str, list[bytes]]


@dataclass(frozen=True, slots=True)
class Page:
    """What a page's HTML says.

    Attributes
    ----------
    view : str
        What the script mounts: `wall` or `room`.
    prefix : str
        Path prefix of the server.
    scripts : str
        Script tags of what the view needs besides: BokehJS, and Panel where it is used.
    variables : callable
        Gives the title, and what else the template needs, from the address' arguments.
    """

    view: str
    prefix: str
    scripts: str
    variables: Callable[[Arguments], dict[str, Any]]

    def html(self, token: str, arguments: Arguments) -> str:
        """The whole page."""
        given = {"view": self.view, "prefix": self.prefix, "scripts": self.scripts, "token": token}
        return assets.template("page.html").render(given | {"version": assets.version()} | self.variables(arguments))


def core_script(prefix: str) -> str:
    """The script tag of BokehJS' core."""
    return f'<script src="{prefix}/static/js/bokeh.min.js?v={bokeh.__version__}"></script>'


class PageHandler(AuthRequestHandler):
    """Answers a page's address; whoever must sign in for Bokeh's own pages must for these."""

    def initialize(self, page: Page, context: ApplicationContext, origins: Origins) -> None:
        """Take the page, the application whose sessions it has, and who is let in."""
        self.page = page
        self.context = context
        self.origins = origins

    @authenticated
    def get(self) -> None:
        """Give the page, with a token for the session that its WebSocket begins; or say that it will be refused."""
        if refusal := refusal_of_page(self.origins, self.request):
            refuse(self, refusal)
            return
        app, arguments = self.application, self.request.arguments
        key = {"secret_key": app.secret_key, "signed": app.sign_sessions}
        payload = {"arguments": arguments, **self.context.application.process_request(self.request)}
        session_id = generate_session_id(**key)
        lifetime_s = app.session_token_expiration
        token = generate_jwt_token(session_id, expiration=lifetime_s, extra_payload=payload, **key)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(self.page.html(token, arguments))


class PageSocket(WSHandler):
    """A page's WebSocket, whose first words do not wait for the browser's delayed acknowledgements.

    Bokeh writes a message as three frames; tornado ends with the handshake what keeps small ones from waiting 40 ms.
    """

    connection: ServerConnection | None

    def initialize(self, application_context: ApplicationContext, bokeh_websocket_path: str, origins: Origins) -> None:
        """Take who is let in besides what Bokeh needs."""
        super().initialize(application_context, bokeh_websocket_path)
        self.origins = origins
        self._has_left = False

    async def prepare(self) -> None:
        """Refuse a page that is not let in; the log says what to set."""
        if refusal := refusal_of_socket(self.origins, self.request):
            note(refusal)
            refuse(self, refusal)
            return
        await super().prepare()

    def check_origin(self, origin: str) -> bool:
        """Whether a page may connect: `prepare` has seen to it. Bokeh's own list knows neither https nor IPv6."""
        return self.origins.admits(origin, self.request.host)

    def open(self, *args: str, **kwargs: str) -> None:
        """Begin the session."""
        self.set_nodelay(True)
        super().open(*args, **kwargs)

    async def _async_open(self, token: str) -> None:
        """Build the session; Bokeh forgets that whoever asked may hang up meanwhile, and would keep it for good."""
        if not self._has_left:
            await super()._async_open(token)
        if self._has_left:
            self.on_close()

    def on_close(self) -> None:
        """End the session too: a page that comes back begins another, and Bokeh would keep this one for 15 s."""
        self._has_left = True
        if self.connection is not None:
            session = self.connection.session
            super().on_close()
            session.request_expiration()
            self.connection = None
