"""What the doctor says of one thing."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How much it matters."""

    GOOD = "ok"
    NOTE = "note"
    WRONG = "WRONG"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    grade : Grade
        How much it matters.
    topic : str
        What was looked at.
    text : str
        What was found.
    remedy : str
        What to do, where something is to be done.
    """

    grade: Grade
    topic: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        head = f"{self.grade:<6}{self.topic}: "
        lines = textwrap.wrap(head + self.text, 100, subsequent_indent=" " * 6, break_on_hyphens=False)
        if self.remedy:
            inset = " " * 8
            lines += textwrap.wrap(
                f"-> {self.remedy}",
                100,
                initial_indent=inset,
                subsequent_indent=inset + "   ",
                break_on_hyphens=False,
                break_long_words=False,
            )
        return "\n".join(lines)


def good(topic: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(Grade.GOOD, topic, text)


def note(topic: str, text: str, remedy: str = "") -> Finding:
    """It works, and somebody should know this of it."""
    return Finding(Grade.NOTE, topic, text, remedy)


def wrong(topic: str, text: str, remedy: str) -> Finding:
    """It does not work, or will not for long."""
    return Finding(Grade.WRONG, topic, text, remedy)
