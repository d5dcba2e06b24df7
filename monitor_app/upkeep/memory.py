"""How much memory the process has."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

PAGE_BYTES = resource.getpagesize()
STATM = Path("/proc/self/statm")


def resident_bytes() -> int:
    """Memory now; where the system does not tell that, the most there ever was."""
    if STATM.exists():
        return int(STATM.read_text().split()[1]) * PAGE_BYTES
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
