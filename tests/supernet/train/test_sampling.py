import random
from dataclasses import replace

import pytest

from supernet.job.recipe import RECIPES
from supernet.space import SearchSpace
from supernet.train.sampling import sandwich, width_pool

SPACE = SearchSpace(resolutions=(28, 24, 20, 16))
MUTUAL = RECIPES["mutual"]


def test_a_step_trains_the_largest_the_narrowest_and_random_ones() -> None:
    full, narrowest, *others = sandwich(SPACE, MUTUAL, random.Random(0))
    assert full == SPACE.largest
    assert narrowest.width_mults == (0.25,)
    assert len(others) == 2
    assert all(0.25 <= other.width_mults[0] <= 1 for other in others)


def test_each_subnet_draws_its_resolution_uniformly_and_on_its_own() -> None:
    steps = [sandwich(SPACE, MUTUAL, random.Random(seed)) for seed in range(2000)]
    for position in (1, 2, 3):
        drawn = [step[position].resolution for step in steps]
        for resolution in SPACE.resolutions:  # 5 standard deviations of a fair draw
            assert abs(drawn.count(resolution) - 500) < 5 * (2000 * 0.25 * 0.75) ** 0.5
    together = sum(step[1].resolution == step[2].resolution for step in steps)
    assert abs(together - 500) < 100


def test_the_same_seed_gives_the_same_configs() -> None:
    first, second = (sandwich(SPACE, MUTUAL, random.Random(7)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ["us", "independent"])
def test_all_at_the_highest_resolution(name: str) -> None:
    for seed in range(50):
        configs = sandwich(SPACE, RECIPES[name], random.Random(seed))
        assert {config.resolution for config in configs} == {28}


@pytest.mark.parametrize("name", ["us_multiscale", "multiscale"])
def test_one_resolution_a_step_for_all(name: str) -> None:
    steps = [sandwich(SPACE, RECIPES[name], random.Random(seed)) for seed in range(200)]
    assert all(len({config.resolution for config in step}) == 1 for step in steps)
    assert {step[0].resolution for step in steps} == set(SPACE.resolutions)


@pytest.mark.parametrize("name", ["independent", "multiscale"])
def test_recipes_of_one_network_train_the_full_width_alone(name: str) -> None:
    configs = sandwich(SPACE, RECIPES[name], random.Random(0))
    assert [config.width_mults for config in configs] == [(1.0,)]


def test_random_widths_are_the_spaces() -> None:
    space = replace(SPACE, widths=(0.25, 0.6, 1.0), num_groups=2)
    drawn = {
        width
        for seed in range(200)
        for config in sandwich(space, MUTUAL, random.Random(seed))
        for width in config.width_mults
    }
    assert drawn == {0.25, 0.6, 1.0}


def test_random_subnets_come_from_a_pool_that_the_seed_fixes() -> None:
    space, recipe = replace(SPACE, num_groups=3), replace(MUTUAL, pool=5)
    pool = width_pool(space, recipe, 1)
    assert len(set(pool)) == 5
    assert pool == width_pool(space, recipe, 1) != width_pool(space, recipe, 2)
    steps = [sandwich(space, recipe, random.Random(seed), pool) for seed in range(100)]
    assert {config.width_mults for step in steps for config in step[2:]} == set(pool)
    assert all(step[0] == space.largest for step in steps)


def test_a_pool_has_no_more_than_there_are() -> None:
    space = replace(SPACE, widths=(0.5, 1.0), num_groups=2)
    assert len(width_pool(space, replace(MUTUAL, pool=100), 0)) == 4
    assert not width_pool(space, MUTUAL, 0)
