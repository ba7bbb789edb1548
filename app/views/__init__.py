"""The pages of the explorer, one module per page; widgets only."""

__all__: list[str] = []
