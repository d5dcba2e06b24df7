"""Pressure commands of one room and their fate: commanded, delivered, applied, refused, superseded (F20)."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

from cpap_core import rules
from store import CommandRow, CommandState

from .errors import CommandRefused

KEPT = 20
PENDING = (CommandState.COMMANDED, CommandState.DELIVERED)


def check_pressure(value: Any, *, reason: str | None = None, max_cmh2o: int = rules.MAX_CPAP_ADULT_CMH2O) -> int:
    """Give the pressure as an integer if it may be commanded (F2, F20; above the age's maximum with a reason).

    Raises
    ------
    CommandRefused
        It is no integer, outside the hard range, or above the age's maximum without a reason.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise CommandRefused("CPAP pressure is not an integer")
    if not rules.MIN_CPAP_CMH2O <= value <= rules.MAX_COMMAND_CMH2O:
        raise CommandRefused("CPAP Pressure is not between 4 and 25")
    if value > max_cmh2o and not (reason or "").strip():
        raise CommandRefused(f"{value} cmH2O is above the maximum of {max_cmh2o} for this age: give a reason")
    return value


class CommandLog:
    """The newest commands of a stay, newest first."""

    def __init__(self) -> None:
        self.newest: deque[CommandRow] = deque(maxlen=KEPT)
        self.changes = 0
        self._applied: CommandRow | None = None

    def add(self, command: CommandRow) -> None:
        """Put a command on top."""
        self.newest.appendleft(command)
        self.changes += 1
        self._note(command)

    def find(self, command_id: str) -> CommandRow | None:
        """The command of that id, if it is among the newest."""
        return next((c for c in self.newest if c.command_id == command_id), None)

    def change(self, command_id: str, **fields: Any) -> None:
        """Replace a command by one with other fields."""
        for at, command in enumerate(self.newest):
            if command.command_id == command_id:
                self.newest[at] = replace(command, **fields)
                self.changes += 1
                self._note(self.newest[at])

    def _note(self, command: CommandRow) -> None:
        before = self._applied.applied_at if self._applied else None
        if command.applied_at is not None and (before is None or command.applied_at >= before):
            self._applied = command

    @property
    def pending(self) -> CommandRow | None:
        """The newest command, while the device has not answered it."""
        top = self.newest[0] if self.newest else None
        return top if top is not None and top.state in PENDING else None

    @property
    def set_pressure_cmh2o(self) -> int | None:
        """The pressure that counts: the last one applied; before any was, the last one commanded and not refused."""
        return None if self.in_force is None else self.in_force.pressure_cmh2o

    @property
    def in_force(self) -> CommandRow | None:
        """The command of that pressure."""
        return self._applied or next((c for c in self.newest if c.state in PENDING), None)

    @property
    def latest_cmh2o(self) -> int | None:
        """The pressure commanded last, unless the device refused it (F29)."""
        return next((c.pressure_cmh2o for c in self.newest if c.state is not CommandState.REFUSED), None)

    def as_dicts(self, most: int) -> list[dict[str, Any]]:
        """The newest commands as plain data for pages and the API."""
        return [plain(command, superseded=at > 0) for at, command in enumerate(self.newest) if at < most]


def plain(command: CommandRow, *, superseded: bool) -> dict[str, Any]:
    """A command as pages and the API show it."""
    return {
        "command_id": command.command_id,
        "room": command.room,
        "pressure_cmh2o": command.pressure_cmh2o,
        "previous_cmh2o": command.previous_cmh2o,
        # A command that was overtaken before the device answered it is never sent again.
        "state": "superseded" if superseded and command.state in PENDING else command.state.value,
        "by": command.commanded_by,
        "given_reason": command.reason,
        "commanded_at": command.commanded_at,
        "delivered_at": command.delivered_at,
        "applied_at": command.applied_at,
        "refused_at": command.refused_at,
        "reason": command.refusal,
    }
