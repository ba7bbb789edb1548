"""What a network costs: multiply-adds, parameters, and a model of a target's latency."""

__all__: list[str] = []
