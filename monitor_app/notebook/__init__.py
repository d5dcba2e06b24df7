"""For data scientists: a running server as an object, its rooms live in a cell, its recordings as arrays and tables."""

from .lab import Lab, LabError, connect
from .stored import Recordings, StoredRecording

__all__ = ["Lab", "LabError", "Recordings", "StoredRecording", "connect"]
