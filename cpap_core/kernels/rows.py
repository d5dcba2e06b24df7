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
ROWS_KEPT_FREE = 920  # what a start-up and the end of its stretch may write at most

# What is known of the steps of a block before anything is decided on them; before each row stands what the differences
# reach back to.
BLOCK = 64
BEFORE = 4
MEANS = 0
MAXIMA = 1
LEVELS = 2  # means, smoothed
SLOPES = 3  # first differences of levels
BENDS = 4  # sizes of their fourth differences
ENDS = 5  # position of the sample after the step's last
BLOCK_SHAPE = (6, BEFORE + BLOCK)

KEPT = 511  # of a step's number, gives its place among those whose means are kept

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
