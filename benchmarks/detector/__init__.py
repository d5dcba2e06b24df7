"""`./monitor bench detector`: the detector beside a device's own scoring, beside its peers, and beside one biquad."""

from benchmarks.detector.command import main

__all__ = ["main"]
