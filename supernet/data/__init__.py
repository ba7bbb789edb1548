"""Labelled images: sources, splits, decoding and resizing."""

from supernet.data.dataset import Data, load_data

__all__ = ["Data", "load_data"]
