"""Labelled images: where they come from, how they are split, decoded and resized."""

from supernet.data.dataset import Data, load_data
from supernet.data.torch_datasets import data_from

__all__ = ["Data", "data_from", "load_data"]
