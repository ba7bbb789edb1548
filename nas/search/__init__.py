"""Search a supernet for one target: the study, its storage, the samplers, the limits."""

__all__: list[str] = []
