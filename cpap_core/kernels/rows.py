"""What the kernels write: rows of numbers, by the kind in their first column."""

from __future__ import annotations

# What a row says; the other columns in order. Positions are samples since the first one of the recording, durations are
# counted in valid samples, volumes in L/min times samples.
ONSET = 0  # onset; confirmed at; onset in valid samples since the stretch began
BREATH = 1  # onset; peak; inspiratory time; expiratory time; volume; peak flow; sum of flow; valid samples
GAP_OPENED = 2  # last peak; detected at
GAP_CLOSED = 3  # duration
STRETCH_ENDED = 4
COLUMNS = 9
ROWS = 1024
ROWS_KEPT_FREE = 640

# What a room's state is doing.
WAITING = 0
STARTING = 1
RUNNING = 2
