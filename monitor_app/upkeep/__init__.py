"""What keeps the process well for months: garbage on its own terms, and an eye on the event loop."""

from .garbage import Garbage
from .longest import Longest
from .loop_watch import LoopWatch
from .system import allow_many_connections, resident_bytes

__all__ = ["Garbage", "Longest", "LoopWatch", "allow_many_connections", "resident_bytes"]
