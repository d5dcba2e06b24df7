"""What is stored, for pages and programs: queries off the event loop, as plain data."""

from .history import list_patients, list_records, show_patient
from .records import Records
from .review import NothingFound

__all__ = ["NothingFound", "Records", "list_patients", "list_records", "show_patient"]
