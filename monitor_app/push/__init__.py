"""What goes to the browsers: feeds that read the ward by cursor, and the callbacks that push them."""

from .broadcaster import Broadcaster
from .feed import LiveFeed, Site
from .session import Answer, Handler, Tell, attach_live, attach_requests

__all__ = ["Answer", "Broadcaster", "Handler", "LiveFeed", "Site", "Tell", "attach_live", "attach_requests"]
