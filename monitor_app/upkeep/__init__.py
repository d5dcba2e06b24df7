"""What keeps the process well for months: garbage on its own terms, and an eye on the event loop."""

from .garbage import Garbage
from .longest import Longest
from .loop_watch import LoopWatch
from .memory import resident_bytes

__all__ = ["Garbage", "Longest", "LoopWatch", "resident_bytes"]
