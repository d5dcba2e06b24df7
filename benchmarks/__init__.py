"""Benchmarks of the running product; each prints figures, and ratios measured in one run."""
