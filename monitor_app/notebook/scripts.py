"""What draws the views, brought into a notebook: inline, so that no other host is asked for anything."""

from __future__ import annotations

from typing import Any

_brought_by: tuple[Any, int] | None = None


def bring() -> None:
    """In a notebook: put the scripts into the cell that runs, once for each time it runs.

    They stay with the page that the cell was run in. Whoever loads the page anew runs the cell that imports again.
    """
    global _brought_by
    from monitor_app.views.cells import shell

    running = shell()
    if running is None or _brought_by == (running, running.execution_count):
        return
    _brought_by = (running, running.execution_count)
    import panel

    panel.extension(inline=True)
