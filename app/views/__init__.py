"""One file a page: widgets only."""

__all__: list[str] = []
