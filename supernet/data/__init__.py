"""Labelled images: sources, splits, decoding and resizing."""

from supernet.data.dataset import Data, load_data
from supernet.data.torch_datasets import data_from

__all__ = ["Data", "data_from", "load_data"]
