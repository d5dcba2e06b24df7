"""Live state of the ward, independent of any browser: rooms, traces, commands, conditions."""

from .changes import Change, Changes
from .errors import AdmissionRefused, CommandRefused, RoomTaken, StayRefused, StoreBusy, StreamRefused, WardError
from .playback import Playback
from .room import Room
from .stay import Stay, Whose
from .stays import Stays
from .trace import DeviceLink, StreamSpec, Trace
from .ward import Ward

__all__ = [
    "AdmissionRefused",
    "Change",
    "Changes",
    "CommandRefused",
    "DeviceLink",
    "Playback",
    "Room",
    "RoomTaken",
    "Stay",
    "StayRefused",
    "Stays",
    "StoreBusy",
    "StreamRefused",
    "StreamSpec",
    "Trace",
    "Ward",
    "WardError",
    "Whose",
]
