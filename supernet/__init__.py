"""One network that holds many: mutual learning over width and resolution (MutualNet, ECCV 2020)."""

__all__: list[str] = []
