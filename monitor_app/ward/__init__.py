"""Live state of the ward, independent of any browser: rooms, traces, commands, conditions."""

from .errors import AdmissionRefused, CommandRefused, RoomTaken, StreamRefused, WardError
from .room import DeviceLink, Room
from .trace import StreamSpec, Trace
from .ward import Ward

__all__ = [
    "AdmissionRefused",
    "CommandRefused",
    "DeviceLink",
    "Room",
    "RoomTaken",
    "StreamRefused",
    "StreamSpec",
    "Trace",
    "Ward",
    "WardError",
]
