"""Latency that can be trusted. Standard library alone: a kit carries these files."""

__all__: list[str] = []
