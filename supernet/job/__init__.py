"""Training jobs as plain values: what to train and how."""

__all__: list[str] = []
