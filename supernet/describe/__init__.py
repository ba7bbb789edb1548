"""`python -m supernet.describe`: which channels of a network are elastic, before any training."""

__all__: list[str] = []
