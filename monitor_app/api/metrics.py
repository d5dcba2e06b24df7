"""What is worth watching, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

STATES = ("live", "stale", "silent", "faulted", "empty")
PushFigures = Callable[[], dict[str, float]]
"""Gives `encode_once` (0 or 1) and, with it, `browsers`, `catch_ups`, `dropped`, `tick_p99_s` and `tick_age_s`."""


def metrics(rooms: list[dict[str, Any]], store: dict[str, Any], push: dict[str, float]) -> str:
    """Prometheus text of the rooms, the store's queue, and the pushes."""
    lines = ["# HELP breathwatch_rooms Rooms by state.", "# TYPE breathwatch_rooms gauge"]
    lines += [f'breathwatch_rooms{{state="{name}"}} {sum(r["state"] == name for r in rooms)}' for name in STATES]
    samples = sum(r["samples_received"] or 0 for r in rooms)
    figures = [
        ("samples_received", samples, "gauge", "Samples of the open stays."),
        ("store_queued_items", store["queued_items"], "gauge", "Writes that wait for the disk."),
        ("store_queued_bytes", store["queued_bytes"], "gauge", "Bytes that wait for the disk."),
        ("store_commits_total", store["commits"], "counter", "Commits since the start."),
        ("store_commit_latency_p99_seconds", store["commit_latency_p99_s"] or 0, "gauge", "From queue to disk."),
        ("store_file_bytes", store["file_bytes"], "gauge", "Size of the data file."),
        ("store_free_bytes", store["free_bytes"], "gauge", "Of that, free to be used again."),
        ("store_wal_bytes", store["wal_bytes"], "gauge", "Size of the write-ahead log beside it."),
        ("retention_trimmed_samples_total", store["trimmed_samples"], "counter", "Samples removed by their age."),
        ("retention_trimmed_at_seconds", store["trimmed_at"] or 0, "gauge", "When all that was due had gone."),
        ("retention_held", int(store["is_held"]), "gauge", "1 while the clock is in doubt and nothing is removed."),
        ("push_encode_once", push.get("encode_once", 0), "gauge", "1 where pages in step get the same bytes."),
        ("push_browsers", push.get("browsers", 0), "gauge", "Browsers in broadcasts."),
        ("push_catch_ups_total", push.get("catch_ups", 0), "counter", "Browsers that lagged and got one snapshot."),
        ("push_dropped_total", push.get("dropped", 0), "counter", "Browsers dropped since they read nothing."),
        ("push_tick_p99_seconds", push.get("tick_p99_s", 0), "gauge", "Time to encode and send one tick."),
    ]
    for name, value, kind, text in figures:
        lines += [
            f"# HELP breathwatch_{name} {text}",
            f"# TYPE breathwatch_{name} {kind}",
            f"breathwatch_{name} {value}",
        ]
    return "\n".join(lines) + "\n"
