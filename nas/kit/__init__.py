"""`python -m nas.kit`: a kit that measures a table's entries on a device without PyTorch."""

from nas.kit.packing import make_kit

__all__ = ["make_kit"]
