"""`python -m nas.macs`: a network's multiply-adds, counted twice, layer by layer."""

__all__: list[str] = []
