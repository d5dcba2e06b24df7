"""Live state of the ward, independent of any browser: rooms, traces, commands, conditions."""

from .errors import AdmissionRefused, CommandRefused, RoomTaken, StoreBusy, StreamRefused, WardError
from .room import Room
from .trace import DeviceLink, StreamSpec, Trace
from .ward import Ward

__all__ = [
    "AdmissionRefused",
    "CommandRefused",
    "DeviceLink",
    "Room",
    "RoomTaken",
    "StoreBusy",
    "StreamRefused",
    "StreamSpec",
    "Trace",
    "Ward",
    "WardError",
]
