"""The supernet: channel groups, and narrow networks over views of its parameters."""

__all__: list[str] = []
