"""What a page must show when its server is lost, and when it is found again (F42, CLINICAL)."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.ui.bedside import breaths
from tests.ui.conftest import Diary

WATCHDOG_S = 0.25
"""How often a page looks at its own clock."""
SLACK_S = 0.25
"""For a busy machine's timers and the diary's own."""
GREY_WITHIN_S = 2.0 + WATCHDOG_S + SLACK_S
ALARM_WITHIN_S = 5.0
PAINTED_COLUMNS = """probe.all('.tile-stage canvas, .plot canvas:nth-of-type(2)')
    .map((canvas) => probe.columns(canvas).middles.filter(Boolean).length)"""
MARK = "window.hasNotBeenReloaded = true"


def no_number(seen: dict[str, Any]) -> bool:
    """Nothing that could be taken for a current number."""
    return bool(seen["figures"]) and all(figure == "--" for figure in seen["figures"])


def live(seen: dict[str, Any]) -> bool:
    """A page whose trace and numbers live."""
    return seen["pill"].startswith("Live") and any(figure != "--" for figure in seen["figures"])


def says(text: str) -> Callable[[dict[str, Any]], bool]:
    """Whether one of the page's bands says this."""
    return lambda seen: any(text in band for band in seen["bands"])


def lose(pages: list[Diary], way: Callable[[], object]) -> None:
    """Lose the server in some way: no number by 2 s, and grey; a band in words by 5 s, and both as long as it lasts."""
    lost_at = time.time()
    way()
    for diary in pages:
        assert diary.first(no_number, since=lost_at) - lost_at < GREY_WITHIN_S
        assert diary.first(lambda seen: seen["grey"], since=lost_at) - lost_at < GREY_WITHIN_S
        said = diary.first(says("!! Server lost"), since=lost_at)
        assert said - lost_at < ALARM_WITHIN_S
        assert diary.now["pill"].startswith("Not live")
    for diary in pages:
        while_away = [seen for at, seen in diary.entries if at > lost_at + GREY_WITHIN_S]
        assert while_away
        assert all(no_number(seen) for seen in while_away)


def paints(diary: Diary) -> bool:
    """Whether every trace of the page is drawn."""
    return bool(min(diary.page.evaluate(PAINTED_COLUMNS)) > 50)


def heal(pages: list[Diary], within_s: float = 12) -> None:
    """Live again by itself, without a reload, and with its traces."""
    for diary in pages:
        diary.until(lambda seen: live(seen) and not seen["grey"] and seen["bands"] == [], within_s)
        diary.wait(partial(paints, diary), 3)
        assert diary.page.evaluate("window.hasNotBeenReloaded"), "the page was loaded anew"


def signed_breaths(first: int, n: int) -> NDArray[np.float32]:
    """Quiet breathing in which each sample of half a minute tells which it is."""
    values = breaths(first, n)
    values[:, 0] += (np.arange(first, first + n) * 7 % 11 - 5) * 0.2
    return values


def holds_what_was_sent(diary: Diary, room: int, *, least: int) -> int:
    """Compare every sample that the page holds with the device's, by index; gives the index after the newest."""
    held = diary.page.evaluate("(room) => probe.samples(room)", room)
    first, values = held["first"], held["values"]
    assert len(values) >= least, f"the page holds {len(values)} samples"
    gaps = [first + at for at, value in enumerate(values) if value is None]
    assert gaps == [], f"samples {gaps[:5]}... of {first} to {first + len(values)} are missing"
    sent = signed_breaths(first, len(values))[:, 0]
    wrong = np.flatnonzero(np.abs(np.array(values) - sent) > 0.0501)
    assert wrong.size == 0, f"sample {first + int(wrong[0])} is {values[wrong[0]]}, sent was {sent[wrong[0]]}"
    return int(first + len(values))
