"""Samples from devices: WebSocket and HTTP, by the ingest contract."""

from .handlers import IngestHandler

__all__ = ["IngestHandler"]
