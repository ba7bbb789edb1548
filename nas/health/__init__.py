"""`python -m nas.health`: how sound a trained supernet is."""

__all__: list[str] = []
