import random

from supernet.sampling import sandwich
from supernet.space import SearchSpace

SPACE = SearchSpace(width_range=(0.25, 1.0), resolutions=(28, 24, 20, 16))


def test_a_step_trains_the_largest_the_narrowest_and_random_ones() -> None:
    full, narrowest, *others = sandwich(SPACE, 2, random.Random(0))
    assert full == SPACE.largest
    assert narrowest.width_mults == (0.25,)
    assert len(others) == 2
    assert all(0.25 <= other.width_mults[0] <= 1 for other in others)


def test_each_subnet_draws_its_resolution_uniformly_and_on_its_own() -> None:
    steps = [sandwich(SPACE, 2, random.Random(seed)) for seed in range(2000)]
    for position in (1, 2, 3):
        drawn = [step[position].resolution for step in steps]
        for resolution in SPACE.resolutions:  # 5 standard deviations of a fair draw
            assert abs(drawn.count(resolution) - 500) < 5 * (2000 * 0.25 * 0.75) ** 0.5
    together = sum(step[1].resolution == step[2].resolution for step in steps)
    assert abs(together - 500) < 100


def test_the_same_seed_gives_the_same_configs() -> None:
    assert sandwich(SPACE, 2, random.Random(7)) == sandwich(SPACE, 2, random.Random(7))
