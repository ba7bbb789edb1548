"""Evaluates configs on a target, and builds a lookup table from the best."""

__all__: list[str] = []
