"""One config turned into its numbers, and the best of them into a lookup table."""

__all__: list[str] = []
