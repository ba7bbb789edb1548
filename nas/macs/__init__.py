"""`python -m nas.macs`: a network's multiply-adds by layer, by PyTorch's counter and by thop."""

__all__: list[str] = []
