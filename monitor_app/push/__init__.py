"""What goes to the browsers: feeds that read the ward by cursor, and the callbacks that push them."""

from .feed import LiveFeed
from .session import SOURCE_NAME, attach_live

__all__ = ["SOURCE_NAME", "LiveFeed", "attach_live"]
