"""What is wrong in a room right now, worst first; the alarms' conditions by CLINICAL.md's table."""

from __future__ import annotations

from typing import Any

from cpap_core import rules
from cpap_core.types import Vitals

STALE_S = 2.0
SILENT_S = 5.0
PRIORITY = {"high": 0, "medium": 1, "low": 2}


def state_by_age(age_s: float | None) -> str:
    """How live a room's data is by the age of its newest sample (F42)."""
    if age_s is None or age_s >= SILENT_S:
        return "silent"
    return "stale" if age_s >= STALE_S else "live"


def no_breath_s(vitals: Vitals | None) -> int | None:
    """Whole seconds without a breath while a breath gap is open.

    A gap closes only when the next peak is certain; from the first rise of that breath on it is no longer said.
    """
    if vitals is None or not vitals.breath_gap_open or vitals.seconds_since_breath is None:
        return None
    seconds = int(vitals.seconds_since_breath)
    return seconds if seconds >= rules.DEFAULT_RULES.breath_gap_s else None


class ConditionWatch:
    """Turns a room's numbers into conditions, each with the time since when it holds."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._leak_from_s: float | None = None

    def note_leak(self, newest_s: float, leak_lpm: float | None) -> None:
        """Follow the leak along recording time: it counts as large only after 20 s above the limit."""
        if leak_lpm is None or leak_lpm <= rules.LARGE_LEAK_LPM:
            self._leak_from_s = None
        elif self._leak_from_s is None:
            self._leak_from_s = newest_s

    def current(
        self,
        *,
        now: float,
        state: str,
        newest_s: float,
        last_seen: float | None,
        ended: bool,
        fault: str | None,
        vitals: Vitals | None,
    ) -> list[dict[str, Any]]:
        """All conditions that hold, worst first."""
        found: list[tuple[str, str, str, bool, float]] = []
        if fault is not None:
            found.append(("medium", "faulted", fault, True, now))
        if state == "silent" and last_seen is not None and not ended:
            found.append(("medium", "device_silent", "Device silent", True, last_seen))
        seconds = no_breath_s(vitals)
        if seconds is not None:
            # Kept while the device is silent too: not knowing more is no reason to take an alarm away.
            priority = "high" if seconds >= rules.NO_BREATH_HIGH_S else "medium"
            found.append((priority, "no_breath", f"No breath {seconds} s", False, now))
        leaking = self._leak_from_s is not None and newest_s - self._leak_from_s >= rules.LARGE_LEAK_S
        if leaking and state == "live" and vitals is not None and vitals.leak_lpm is not None:
            found.append(("medium", "large_leak", f"Large leak {vitals.leak_lpm:.0f} L/min", False, now))
        kinds = {kind for _, kind, *_ in found}
        self._since = {kind: at for kind, at in self._since.items() if kind in kinds}
        result = [
            {
                "priority": priority,
                "kind": kind,
                "text": text,
                "since": round(self._since.setdefault(kind, since), 1),
                "technical": technical,
            }
            for priority, kind, text, technical, since in found
        ]
        return sorted(result, key=lambda c: PRIORITY[c["priority"]])
