"""Recipes as values: how a supernet is trained, apart from the network and the data."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Mutual learning with SGD and Nesterov momentum (MutualNet, sections 3 and 4.1)."""

    name: str
    """What `--recipe` calls it."""
    batch_size: int
    """Images a step; all subnets of a step see the same ones."""
    lr: float
    """Highest learning rate; it falls to 0 along a cosine, step by step."""
    weight_decay: float
    """On weights of dense convolutions and linear layers only."""
    warmup_fraction: float = 0.0
    """Part of all steps during which the learning rate rises linearly from 0."""
    momentum: float = 0.9
    """Nesterov momentum."""
    num_random: int = 2
    """Subnets of random width in a step, besides the largest and the narrowest."""


RECIPES = {
    "mutual": Recipe(name="mutual", batch_size=64, lr=0.1, weight_decay=5e-4, warmup_fraction=0.1),
}
"""All recipes by name."""
