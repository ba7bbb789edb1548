"""The sandwich rule: which subnets one step trains (Yu & Huang 2019, US-Net, section 3.3)."""

import random

from supernet.job.recipe import Recipe
from supernet.space import SearchSpace, SubnetConfig


def sandwich(space: SearchSpace, recipe: Recipe, rng: random.Random) -> list[SubnetConfig]:
    """The full network, the narrowest subnet and some of random widths, in this order.

    Widths are drawn uniformly from the space's; resolutions uniformly from all, or as
    `recipe.resolutions` restricts them (MutualNet, section 3.2).
    """
    widths: list[tuple[float, ...]] = [(1.0,)]
    if recipe.narrowest:
        widths.append((space.narrowest,))
    widths += [space.random_widths(rng) for _ in range(recipe.num_random)]
    highest = space.resolutions[0]
    if recipe.resolutions == "own":
        sides = [highest, *(rng.choice(space.resolutions) for _ in widths[1:])]
    elif recipe.resolutions == "shared":
        sides = [rng.choice(space.resolutions)] * len(widths)
    else:
        sides = [highest] * len(widths)
    return [
        SubnetConfig(width_mults=each, resolution=side)
        for each, side in zip(widths, sides, strict=True)
    ]
