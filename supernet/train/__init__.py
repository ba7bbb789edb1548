"""`python -m supernet.train`: the loop, a step of mutual learning, and what they need."""

from supernet.train.training import train

__all__ = ["train"]
