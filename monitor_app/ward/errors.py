"""What the ward refuses, and why.

WardError
    StreamRefused      a device's words make no sense (closes with 4400)
    StoreBusy          the disk does not answer now (closes with 1013, try again later)
    RoomTaken          another device is live in the room (closes with 4409)
    CommandRefused     a pressure that may not be commanded
    StayRefused        a transfer, discharge, correction, measurement or mark that cannot be
    AdmissionRefused   a patient who cannot be admitted there
"""

# `raise RoomTaken` reads better than `RoomTakenError`.
# ruff: noqa: N818

from __future__ import annotations


class WardError(Exception):
    """Something the ward was asked for and does not do; the message is for the person who asked."""


class StreamRefused(WardError):
    """A device's hello or frame makes no sense."""


class StoreBusy(WardError):
    """The disk does not answer now; the same will do later."""


class RoomTaken(WardError):
    """Another device is live in this room."""


class CommandRefused(WardError):
    """A pressure command that may not be given."""


class StayRefused(WardError):
    """Something that a stay cannot take, or that needs a stay where there is none."""


class AdmissionRefused(WardError):
    """A patient who cannot be admitted to this room."""
