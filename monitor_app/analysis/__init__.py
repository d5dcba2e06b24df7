"""Recordings that people load, analysed in a process of its own so that nothing live waits for them."""

from .analyst import AnalysisFailed, Analyst

__all__ = ["AnalysisFailed", "Analyst"]
