"""Costs of a network: multiply-adds, parameters, and a model that predicts latency."""

__all__: list[str] = []
