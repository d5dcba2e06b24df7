"""The numbered steps from an empty file to today's tables; each is one transaction together with its record."""

from __future__ import annotations

import time

from store import schema
from store.database import Database, Migrations
from store.errors import StoreTooNew


def _recordings(db: Database) -> None:
    db.executescript(schema.RECORDINGS)
    db.execute("INSERT INTO meta (key, value) VALUES ('created_at', ?)", [repr(time.time())])


def _commands_and_measurements(db: Database) -> None:
    db.executescript(schema.COMMANDS_AND_MEASUREMENTS)


def _retention(db: Database) -> None:
    db.executescript(schema.RETENTION)


def _stays(db: Database) -> None:
    db.executescript(schema.STAYS)


STEPS = {
    "0001_recordings": _recordings,
    "0002_commands_and_measurements": _commands_and_measurements,
    "0003_retention": _retention,
    "0004_stays": _stays,
}
"""In order; a step that was released never changes, and a new one goes at the end."""


def migrations() -> Migrations:
    """Give the steps as a set that can be applied."""
    numbered = Migrations("breathwatch")
    for name, step in STEPS.items():
        numbered(name=name)(step)
    return numbered


def migrate(db: Database) -> None:
    """Bring a data file up to date, or refuse one that a later version of this program wrote."""
    numbered = migrations()
    unknown = [step.name for step in numbered.applied(db) if step.name not in STEPS]
    if unknown:
        raise StoreTooNew(
            f"The data file has step {unknown[-1]!r}, this version knows steps up to {max(STEPS)!r}: "
            "install the version that wrote it, or a later one"
        )
    numbered.apply(db)
