"""sqlite_utils without pandas, which it imports at once where it is installed: about a second of every start."""

from __future__ import annotations

import sys

_HIDDEN = "pandas" not in sys.modules
if _HIDDEN:
    sys.modules["pandas"] = None  # type: ignore[assignment]
try:
    from sqlite_utils import Database, Migrations
finally:
    if _HIDDEN:
        del sys.modules["pandas"]

__all__ = ["Database", "Migrations"]
