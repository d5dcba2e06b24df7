"""What the system lets the process have: how much memory it uses, and how many connections it may hold."""

from __future__ import annotations

import ctypes
import resource
import sys
from contextlib import suppress
from pathlib import Path

PAGE_BYTES = resource.getpagesize()
STATM = Path("/proc/self/statm")
MOST_FILES = 20_000


def resident_bytes() -> int:
    """Memory now; where the system does not tell that, the most there ever was."""
    if STATM.exists():
        return int(STATM.read_text().split()[1]) * PAGE_BYTES
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def allow_many_connections() -> None:
    """Raise the number of open files to the most this user may have; many systems begin with 1024, or 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # macOS refuses more than its own limit, which no call tells.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def give_memory_back() -> None:
    """Let the C library return what it keeps free to the system; only glibc has to be asked."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
