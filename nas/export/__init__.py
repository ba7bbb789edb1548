"""`python -m nas.export`: ONNX artifacts, and a lookup table that refers to them."""

from nas.export.exporting import export

__all__ = ["export"]
