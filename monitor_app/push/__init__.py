"""What goes to the browsers: feeds that read the ward by cursor, and the callbacks that push them."""

from .broadcaster import Broadcaster
from .feed import LiveFeed, Site
from .session import Handler, attach_live, attach_requests

__all__ = ["Broadcaster", "Handler", "LiveFeed", "Site", "attach_live", "attach_requests"]
