"""The detector's inner loops.

Samples are taken one by one and in order, whatever the chunks, so that any chunking gives the same bits. Decisions are
taken once for each step, on `smoothed`, whose time is the middle of its window. What Python calls is in `stream`, what
comes out in `rows`, which is free of numba.
"""
