"""What draws the views, brought into a notebook: inline, so that no other host is asked for anything."""

from __future__ import annotations

import sys
from typing import Any

_brought_by: tuple[Any, int] | None = None


def bring() -> None:
    """In a notebook: put the scripts into the cell that runs, once for each time it runs.

    They stay with the page that the cell was run in. Whoever loads the page anew runs the cell that imports again.
    """
    global _brought_by
    shell = _shell()
    if shell is None or _brought_by == (shell, shell.execution_count):
        return
    _brought_by = (shell, shell.execution_count)
    import panel

    panel.extension(inline=True)


def _shell() -> Any:
    """The notebook's shell; None in a terminal, and where there is no IPython at all."""
    shown = sys.modules.get("IPython")
    shell = None if shown is None else shown.get_ipython()
    return shell if shell is not None and hasattr(shell, "kernel") else None
