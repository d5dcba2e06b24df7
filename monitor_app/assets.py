"""The files under `assets`: one script and one stylesheet for all pages, joined from the modules; fonts, pictures."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import bokeh
import panel
from jinja2 import Environment, FileSystemLoader, Template
from tornado.web import RequestHandler, StaticFileHandler

ASSETS = Path(__file__).resolve().parent.parent / "assets"
_LOCAL_IMPORT = re.compile(r'^import\s[^;]*?from\s+"\./[^"]+";[ \t]*\n', re.MULTILINE | re.DOTALL)


PAGES_ALONE = re.compile(r"(host_page|lifeline|scripts|session|shell|flow|entry|patients|review)(_\w+)?\.(js|css)")
"""What only our own pages need: a component brings its script and style with each document, hundreds of kB."""


@cache
def live_js(*, panel: bool = False) -> str:
    """Join the page's modules, in the order `js/order.json` gives; for a component without what only pages need."""
    order = json.loads((ASSETS / "js" / "order.json").read_text())
    wanted = [name for name in order if not (PAGES_ALONE.fullmatch(name) if panel else name == "host_panel.js")]
    return "\n".join(_LOCAL_IMPORT.sub("", (ASSETS / "js" / name).read_text()) for name in wanted)


@cache
def live_css(*, panel: bool = False) -> str:
    """Join the stylesheets: the tokens first, then the others by name; for a component as `live_js`."""
    sheets = sorted(
        (ASSETS / "css").glob("*.css"), key=lambda path: (path.name != "tokens.css", path.name != "base.css", path.name)
    )
    return "\n".join(path.read_text() for path in sheets if not (panel and PAGES_ALONE.fullmatch(path.name)))


@cache
def tokens() -> str:
    """The colours alone, for a page that stands by itself."""
    return (ASSETS / "css" / "tokens.css").read_text()


@cache
def version() -> str:
    """Changes with whatever an open page would have to be loaded anew for: our script and style, BokehJS, Panel."""
    parts = (live_js(), live_js(panel=True), live_css(), bokeh.__version__, panel.__version__)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@cache
def template(name: str) -> Template:
    """A page's template; what is put into it is escaped."""
    return Environment(loader=FileSystemLoader(ASSETS / "templates"), autoescape=False).get_template(name)


class JoinedHandler(RequestHandler):
    """Serves a joined file; the browser asks again only whether it changed."""

    def initialize(self, text: str, content_type: str) -> None:
        """Take the text and its type."""
        self.text = text
        self.content_type = content_type

    def compute_etag(self) -> str:
        """The content's hash."""
        return f'"{hashlib.sha256(self.text.encode()).hexdigest()[:32]}"'

    def get(self) -> None:
        """Give the file."""
        self.set_header("Content-Type", self.content_type)
        self.set_header("Cache-Control", "no-cache")
        self.finish(self.text)


def routes() -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    """Tornado routes of all assets."""
    return [
        (r"/assets/live\.js", JoinedHandler, {"text": live_js(), "content_type": "text/javascript; charset=utf-8"}),
        (r"/assets/live\.css", JoinedHandler, {"text": live_css(), "content_type": "text/css; charset=utf-8"}),
        (r"/assets/fonts/(.+)", StaticFileHandler, {"path": str(ASSETS / "fonts")}),
        (r"/assets/(favicon\.svg)", StaticFileHandler, {"path": str(ASSETS)}),
    ]
