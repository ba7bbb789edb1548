"""The supernet: channel groups, and narrow networks on views of its parameters."""

__all__: list[str] = []
