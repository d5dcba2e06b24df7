"""What goes to the browsers: feeds that read the ward by cursor, and the sources and callbacks that push them."""

from .broadcaster import Broadcaster
from .feed import LiveFeed, Site
from .playback import PlaybackSource
from .session import Answer, Handler, Tell, attach_live, attach_requests
from .source import Push, Source, Stream, Take, WardSource

__all__ = [
    "Answer",
    "Broadcaster",
    "Handler",
    "LiveFeed",
    "PlaybackSource",
    "Push",
    "Site",
    "Source",
    "Stream",
    "Take",
    "Tell",
    "WardSource",
    "attach_live",
    "attach_requests",
]
