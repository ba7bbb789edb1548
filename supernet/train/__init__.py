"""`python -m supernet.train`: the training loop and one step of mutual learning."""

from supernet.train.training import train

__all__ = ["train"]
