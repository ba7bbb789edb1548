"""`python -m nas.kit`: what measures a table's entries on a device without PyTorch."""

__all__: list[str] = []
