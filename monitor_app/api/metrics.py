"""What is worth watching, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

STATES = ("live", "stale", "silent", "faulted", "empty")
Figures = dict[str, dict[str, float]]
ServerFigures = Callable[[], Figures]
"""Gives what the process knows of itself: `push`, `sessions`, `loop` and `garbage`, each a dictionary of numbers."""

TABLE = (
    ("samples_received", "ward", "samples", "gauge", "Samples of the open stays."),
    ("store_queued_items", "store", "queued_items", "gauge", "Writes that wait for the disk."),
    ("store_queued_bytes", "store", "queued_bytes", "gauge", "Bytes that wait for the disk."),
    ("store_commits_total", "store", "commits", "counter", "Commits since the start."),
    ("store_commit_latency_p99_seconds", "store", "commit_latency_p99_s", "gauge", "From queue to disk."),
    ("store_file_bytes", "store", "file_bytes", "gauge", "Size of the data file."),
    ("store_free_bytes", "store", "free_bytes", "gauge", "Of that, free to be used again."),
    ("store_wal_bytes", "store", "wal_bytes", "gauge", "Size of the write-ahead log beside it."),
    ("retention_trimmed_samples_total", "store", "trimmed_samples", "counter", "Samples removed by their age."),
    ("retention_trimmed_at_seconds", "store", "trimmed_at", "gauge", "When all that was due had gone."),
    ("retention_held", "store", "is_held", "gauge", "1 while the clock is in doubt and nothing is removed."),
    ("push_encode_once", "push", "encode_once", "gauge", "1: the same bytes to all in step; 0: the plain way."),
    ("push_browsers", "push", "browsers", "gauge", "Browsers in broadcasts."),
    ("push_catch_ups_total", "push", "catch_ups", "counter", "Browsers that lagged and got one snapshot."),
    ("push_dropped_total", "push", "dropped", "counter", "Browsers dropped since they read nothing."),
    ("push_waiting_bytes", "push", "waiting_bytes", "gauge", "Unsent bytes of all browsers."),
    ("push_waiting_most_bytes", "push", "waiting_most_bytes", "gauge", "Unsent bytes of the worst browser."),
    ("push_tick_p50_seconds", "push", "tick_p50_s", "gauge", "Time to encode and send one tick, median."),
    ("push_tick_p99_seconds", "push", "tick_p99_s", "gauge", "Time to encode and send one tick, 99 of 100."),
    ("push_tick_late_max_seconds", "push", "tick_late_max_s", "gauge", "Most that a tick came late in ten minutes."),
    ("push_sample_age_p50_seconds", "push", "sample_age_p50_s", "gauge", "Age of the newest sample sent, median."),
    ("push_sample_age_p99_seconds", "push", "sample_age_p99_s", "gauge", "Age of the newest sample sent, 99 of 100."),
    ("loop_pause_max_seconds", "loop", "pause_max_s", "gauge", "Longest pause of the event loop in ten minutes."),
    ("loop_pause_ever_seconds", "loop", "pause_ever_s", "gauge", "Longest pause of the event loop since the start."),
    ("gc_collections_total", "garbage", "collections", "counter", "Garbage collections."),
    ("gc_pause_seconds_total", "garbage", "paused_s", "counter", "Time spent in them."),
    ("gc_pause_max_seconds", "garbage", "pause_max_s", "gauge", "Longest of them in ten minutes."),
    ("gc_wishes", "garbage", "wishes", "gauge", "Sessions that ended since the last whole collection."),
    ("resident_memory_bytes", "process", "resident_bytes", "gauge", "Memory of the process."),
)
"""Name, where it comes from, type and help of each figure."""


def metrics(rooms: list[dict[str, Any]], store: dict[str, Any], figures: Figures) -> str:
    """Prometheus text of the rooms, the store's queue, and the process."""
    states = {name: sum(r["state"] == name for r in rooms) for name in STATES}
    lines = _labelled("rooms", "Rooms by state.", "state", states)
    lines += _labelled("sessions", "Sessions of each page.", "page", figures.get("sessions", {}))
    sources = {**figures, "store": store, "ward": {"samples": sum(r["samples_received"] or 0 for r in rooms)}}
    for name, source, key, kind, text in TABLE:
        value = float(sources.get(source, {}).get(key) or 0)
        lines += [*_head(name, kind, text), f"breathwatch_{name} {value:.15g}"]
    return "\n".join(lines) + "\n"


def _labelled(name: str, text: str, label: str, values: dict[str, float]) -> list[str]:
    rows = [f'breathwatch_{name}{{{label}="{key}"}} {value}' for key, value in values.items()]
    return [*_head(name, "gauge", text), *rows]


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP breathwatch_{name} {text}", f"# TYPE breathwatch_{name} {kind}"]
