"""The sandwich rule: which subnets one step trains (Yu & Huang 2019, US-Net, section 3.3)."""

import random
from collections.abc import Sequence

from supernet.job.recipe import Recipe
from supernet.space import SearchSpace, SubnetConfig


def width_pool(space: SearchSpace, recipe: Recipe, seed: int) -> list[tuple[float, ...]]:
    """The `recipe.pool` widths that random subnets have in a training; empty: any.

    Those of the space that are different; fewer where it has fewer.
    """
    rng = random.Random(f"{seed} pool")
    # A dict keeps the order: a set's would differ from process to process.
    pool = dict[tuple[float, ...], None]()
    count = min(recipe.pool or 0, len(space.widths) ** space.num_groups)
    while len(pool) < count:
        pool[space.random_widths(rng)] = None
    return list(pool)


def sandwich(
    space: SearchSpace,
    recipe: Recipe,
    rng: random.Random,
    pool: Sequence[tuple[float, ...]] = (),
) -> list[SubnetConfig]:
    """The full network, the narrowest subnet and some of random widths, in this order.

    Widths are drawn uniformly from `pool`, or from the space's if it is empty; resolutions
    uniformly from all, or as `recipe.resolutions` restricts them (MutualNet, section 3.2).
    """
    widths: list[tuple[float, ...]] = [(1.0,)]
    if recipe.narrowest:
        widths.append((space.narrowest,))
    widths += [
        rng.choice(pool) if pool else space.random_widths(rng) for _ in range(recipe.num_random)
    ]
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
