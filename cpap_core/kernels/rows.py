"""What the kernels write: rows of numbers, by the kind in their first column."""

from __future__ import annotations

# What a row says; the other columns in order. Positions are samples since the first one of the recording, durations are
# counted in valid samples, volumes in L/min times samples.
ONSET = 0  # onset; confirmed at; onset in valid samples since the stretch began
BREATH = 1  # onset; peak; inspiratory time; expiratory time; volume; peak flow; sum of flow; valid samples; flattening
GAP_OPENED = 2  # last peak; detected at
GAP_CLOSED = 3  # duration
STRETCH_ENDED = 4
EVENT_OPENED = 5  # APNEA or HYPOPNEA; onset; detected at
EVENT_CLOSED = 6  # APNEA or HYPOPNEA; duration; UNCLASSIFIED, OBSTRUCTIVE or CENTRAL
COLUMNS = 10
ROWS = 1280
ROWS_KEPT_FREE = 900

APNEA = 0
HYPOPNEA = 1

UNCLASSIFIED = 0
OBSTRUCTIVE = 1
CENTRAL = 2

# What a room's state is doing.
WAITING = 0
STARTING = 1
RUNNING = 2
