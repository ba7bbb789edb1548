"""`python -m nas.export`: artifacts, and the lookup table that names them."""

from nas.export.exporting import export

__all__ = ["export"]
