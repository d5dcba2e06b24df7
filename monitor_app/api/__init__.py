"""HTTP for programs: `/api/v1`, the routes of the earlier server, and the server's own state."""

from .metrics import Figures
from .operation import Services
from .recordings import recording_routes
from .routes import api_routes

__all__ = ["Figures", "Services", "api_routes", "recording_routes"]
