"""Patient data entry: the form, and the recordings that are loaded into it."""

from .desk import Desk, Loading
from .form import EntryForm, FieldError
from .samples import SAMPLES
from .uploads import upload_routes

__all__ = ["SAMPLES", "Desk", "EntryForm", "FieldError", "Loading", "upload_routes"]
