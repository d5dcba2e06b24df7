"""A server of fake frames to look at the live pages with: `python tests/ui/harness/serve.py --rooms 16 --port 5900`."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import bokeh
import tornado.web
from bokeh.application import Application
from bokeh.application.handlers import FunctionHandler
from bokeh.document import Document
from bokeh.events import ClientReconnected, DocumentReady
from bokeh.models import ColumnDataSource
from bokeh.server.server import Server
from frames import FrameMaker, make_rooms  # type: ignore[import-not-found]
from jinja2 import Environment, FileSystemLoader

ASSETS = Path(__file__).resolve().parents[3] / "assets"
TYPES = {".svg": "image/svg+xml", ".woff2": "font/woff2"}


def joined_script() -> str:
    names = json.loads((ASSETS / "js" / "order.json").read_text())
    lines = [line for name in names for line in (ASSETS / "js" / name).read_text().splitlines()]
    return "\n".join(line for line in lines if not (line.startswith("import ") and 'from "./' in line))


def joined_style() -> str:
    names = ["tokens.css", *sorted({path.name for path in (ASSETS / "css").glob("*.css")} - {"tokens.css"})]
    return "\n".join((ASSETS / "css" / name).read_text() for name in names)


class Asset(tornado.web.RequestHandler):
    def get(self, name: str) -> None:
        if name == "live.js":
            self.set_header("Content-Type", "text/javascript; charset=utf-8")
            self.finish(joined_script())
        elif name == "live.css":
            self.set_header("Content-Type", "text/css; charset=utf-8")
            self.finish(joined_style())
        else:
            self.set_header("Content-Type", TYPES[Path(name).suffix])
            self.finish((ASSETS / name).read_bytes())


class Liveness(tornado.web.RequestHandler):
    def get(self) -> None:
        self.finish("ok")


def answer(request: str, rooms: list[Any], replies: ColumnDataSource) -> None:
    """12 is an error of the server's; the other pressures go their way."""
    command = json.loads(request)
    if command["pressure_cmh2o"] == 12:
        reply = {"request_id": command["request_id"], "ok": False, "message": "Nobody is in room 104 any more."}
        replies.data = {"reply": [reply]}
    else:
        next(room for room in rooms if room.number == command["room"]).command(command, time.time())


def page(rooms: list[Any], view: str, pushes_per_s: float, theme: str) -> Application:
    templates = Environment(loader=FileSystemLoader(ASSETS / "templates"))
    template = templates.from_string('{% set token = docs[0].token %}{% include "page.html" %}')
    scripts = f'<script src="/static/js/bokeh.min.js?v={bokeh.__version__}"></script>'

    def modify(doc: Document) -> None:
        arguments = doc.session_context.request.arguments if doc.session_context else {}
        number = int(arguments["room"][0]) if view == "room" else None
        maker = FrameMaker(rooms, room=number)
        source = ColumnDataSource(data=maker.frame("snapshot"), name="breathwatch-live", tags=["breathwatch-live"])
        doc.add_root(source)
        doc.title = "Breathwatch"
        doc.config.notify_connection_status = False
        doc.template = template
        doc.template_variables.update(view=view, room=number, prefix="", theme=theme, version="1", scripts=scripts)

        def snapshot(_event: Any) -> None:
            source.data = maker.frame("snapshot")

        if number is not None:
            requests = ColumnDataSource(name="breathwatch-requests", data={"request": []})
            replies = ColumnDataSource(name="breathwatch-replies", data={"reply": []})
            doc.add_root(requests)
            doc.add_root(replies)
            requests.on_change("data", lambda _attr, _old, new: answer(new["request"][0], rooms, replies))

        # The page pulls the document later than it was made: what it missed comes as one snapshot.
        doc.on_event(DocumentReady, snapshot)
        doc.on_event(ClientReconnected, snapshot)
        doc.add_periodic_callback(lambda: setattr(source, "data", maker.frame("delta")), round(1000 / pushes_per_s))

    return Application(FunctionHandler(modify))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=16)
    parser.add_argument("--port", type=int, default=5900)
    parser.add_argument("--pushes", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=25.0)
    parser.add_argument("--theme", default="")
    options = parser.parse_args()
    rooms = make_rooms(options.rooms, options.rate)
    applications = {f"/{view}": page(rooms, view, options.pushes, options.theme) for view in ("wall", "room")}
    patterns = [(r"/assets/(.+)", Asset), (r"/liveness", Liveness)]
    server = Server(applications, port=options.port, extra_patterns=patterns, allow_websocket_origin=["*"])
    server.start()
    server.io_loop.start()


if __name__ == "__main__":
    main()
