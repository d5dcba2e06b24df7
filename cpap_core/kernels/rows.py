"""What the kernels write: rows of numbers, by the kind in their first column."""

from __future__ import annotations

# What a row says; the other columns in order. Positions are samples since the first one of the recording, durations are
# counted in valid samples, volumes in L/min times samples.
ONSET = 0  # onset; confirmed at
BREATH = 1  # onset; peak; inspiratory time; expiratory time; volume; peak flow; sum of flow; valid samples; flattening
OPENED = 2  # kind; id; onset; detected at
CLOSED = 3  # kind; id; onset; detected at; duration
COLUMNS = 10
ROWS = 1280
ROWS_KEPT_FREE = 920  # what a start-up, or a block of steps, and the end of its stretch may write at most

# Steps that are remembered: no rule looks back at more than so many; twice as many back lies the top of an inspiration
# in which a pull of the baseline was undone, for then the stuck seconds began anew. So many are filled at once, and so
# many kept until they are moved.
LOOKED_BACK = 120
HISTORY = 2 * LOOKED_BACK + 16
BLOCK = 64
KEPT = 512

NEVER = 1 << 62

# Kinds of events, in the order of `types.EVENT_KINDS`.
BREATH_GAP = 0
APNEA = 1
OBSTRUCTIVE = 2
CENTRAL = 3
HYPOPNEA = 4

# What a room's state is doing.
WAITING = 0
STARTING = 1
RUNNING = 2
