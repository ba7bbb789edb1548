"""What to train and how, as plain values."""

__all__: list[str] = []
