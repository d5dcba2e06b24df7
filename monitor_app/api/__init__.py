"""HTTP for programs: the rooms as JSON, and the server's own state."""

from .metrics import Figures
from .routes import api_routes

__all__ = ["Figures", "api_routes"]
