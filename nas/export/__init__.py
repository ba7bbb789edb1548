"""`python -m nas.export`: artifacts, and the lookup table that names them."""

__all__: list[str] = []
