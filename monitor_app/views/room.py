"""A room: live traces, numbers, events; the same object on a page, inside other Panel pages, and in a notebook."""

from __future__ import annotations

from os import PathLike
from typing import Any, Protocol, Self, runtime_checkable

import param
from panel.viewable import Viewer

from cpap_core.types import Recording
from monitor_app import assets
from monitor_app.push import PlaybackSource, Source

from .live import LiveComponent, size

HEIGHT_PX = 720
"""In a notebook's cell, which has no height of its own."""


@runtime_checkable
class Playable(Protocol):
    """A recording that is kept somewhere, such as on a server."""

    def as_source(self, *, speed: float | None = None) -> Source:
        """Bring it, ready to be shown."""


class LiveRoom(LiveComponent):
    """The live module inside Panel: one room."""

    _esm = assets.live_js(panel=True) + '\nexport const render = (args) => renderLive(args, "room");\n'


class RoomView(Viewer):
    """One room: live, or a recording that is played or looked through.

    Parameters
    ----------
    shown : Lab, Recording, stored recording, path or Source
        What is shown: a running server from `connect`, a recording, or the path of one.
    room : int, optional
        The room's number, where a whole ward is given; it may come into being later.
    height : int or None
        In px; None takes the height of what it is put in.

    Examples
    --------
    >>> lab = connect("http://127.0.0.1:5006")
    >>> RoomView(lab, 101)
    >>> RoomView.replay("night.edf", speed=10)
    >>> RoomView(lab.recordings(room=101)[0])
    """

    room = param.Integer(default=None, allow_None=True, doc="The room's number.")

    def __init__(
        self,
        shown: Source | Recording | Playable | str | PathLike[str],
        room: int | None = None,
        *,
        height: int | None = HEIGHT_PX,
        **params: Any,
    ) -> None:
        source = source_of(shown)
        if not source.is_recorded and room is None:
            raise ValueError("which room? RoomView(lab, 101) shows room 101; Wall(lab) shows all")
        super().__init__(room=room, **params)
        self._live = LiveRoom(source, room=room or 0, **size(height))

    @classmethod
    def replay(
        cls, recording: Recording | Playable | str | PathLike[str], *, speed: float = 1.0, height: int = HEIGHT_PX
    ) -> Self:
        """Play a recording from its beginning, through the same detector and the same view as a live room.

        Parameters
        ----------
        recording : Recording, stored recording or path
            What is played.
        speed : float
            Times real time, 1 to 600.
        height : int
            In px.
        """
        return cls(source_of(recording, speed=speed), height=height)

    def __panel__(self) -> LiveRoom:
        """The component that draws."""
        return self._live

    def close(self) -> None:
        """End the stream of pushes, if one is open."""
        self._live.end_stream()


def source_of(shown: Any, *, speed: float | None = None) -> Source:
    """What a view is fed with, from whatever it was given.

    Raises
    ------
    TypeError
        It is nothing that can be shown; the message says what can.
    """
    if isinstance(shown, str | PathLike):
        from cpap_core import read_recording

        shown = read_recording(shown)
    if isinstance(shown, Recording):
        return PlaybackSource(shown, speed=speed)
    if isinstance(shown, Playable):
        return shown.as_source(speed=speed)
    if isinstance(shown, Source):
        return shown
    raise TypeError(
        f"a {type(shown).__name__} cannot be shown: give a lab from connect(), a recording, or the path of one"
    )
