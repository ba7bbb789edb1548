"""The sandwich rule: which subnets one step trains (Yu & Huang 2019, US-Net, section 3.3)."""

import random

from supernet.space import SearchSpace, SubnetConfig


def sandwich(space: SearchSpace, num_random: int, rng: random.Random) -> list[SubnetConfig]:
    """The largest subnet, the narrowest and `num_random` of random widths, in this order.

    The first is the full network at the highest resolution. Each of the others gets a resolution
    of its own, drawn uniformly from all (the highest may repeat); MutualNet, section 3.2.
    """
    widths = [(space.width_range[0],), *(space.random_widths(rng) for _ in range(num_random))]
    return [
        space.largest,
        *(
            SubnetConfig(width_mults=each, resolution=rng.choice(space.resolutions))
            for each in widths
        ),
    ]
