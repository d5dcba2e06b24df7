"""HTTP for programs: the rooms as JSON, and the server's own state."""

from .routes import api_routes

__all__ = ["api_routes"]
