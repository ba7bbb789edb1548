"""BN statistics and accuracy of one subnet."""

__all__: list[str] = []
