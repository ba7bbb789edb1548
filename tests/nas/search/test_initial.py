import random

import pytest

from nas.errors import StudyError
from nas.search.initial import initial_configs
from supernet import SearchSpace, SubnetConfig

SPACE = SearchSpace(resolutions=(16, 12), groups="one")


def channels(config: SubnetConfig) -> tuple[int, ...]:
    """Of a network with one layer of 64 channels."""
    return round(8 * config.width_mults[0]), config.resolution


def initial(*warm_start: SubnetConfig, seed: int = 0) -> list[tuple[SubnetConfig, str]]:
    return list(initial_configs(SPACE, warm_start, channels, random.Random(seed)))


def test_the_largest_and_the_smallest_come_first_then_the_grid_in_the_seeds_order() -> None:
    found = [config for config, _ in initial()]
    ends = (SPACE.largest, SPACE.smallest)
    assert [channels(config) for config in found[:2]] == [channels(config) for config in ends]
    assert {channels(config) for config in found} == {channels(each) for each in SPACE.grid()}
    assert len({channels(config) for config in found}) == len(found)
    assert found == [config for config, _ in initial()]
    assert found != [config for config, _ in initial(seed=1)]


def test_a_warm_start_comes_next_and_once() -> None:
    own = SubnetConfig(width_mults=(0.4,), resolution=12)
    found = initial(own, SPACE.largest, own)
    assert found[2] == (own, "grid"), "its channels are those of a uniform width"
    assert [config for config, _ in found].count(own) == 1
    assert len(found) == len(initial())


def test_what_the_space_does_not_hold_is_refused() -> None:
    with pytest.raises(StudyError, match=r"must have widths >= 0\.25"):
        initial(SubnetConfig(width_mults=(0.1,), resolution=12))
