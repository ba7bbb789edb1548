"""Labelled images: where they come from, how they are split, decoded and resized."""

from supernet.data.dataset import Data, load_data

__all__ = ["Data", "load_data"]
