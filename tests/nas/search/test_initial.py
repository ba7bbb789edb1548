import pytest

from nas.errors import StudyError
from nas.search.initial import initial_configs
from nas.search.steps import Steps
from supernet import SearchSpace, SubnetConfig

SPACE = SearchSpace(resolutions=(16, 12), groups="one")


def channels(config: SubnetConfig) -> tuple[int, ...]:
    """Of a network with one layer of 64 channels."""
    return round(8 * config.width_mults[0]), config.resolution


STEPS = Steps(widths=(SPACE.widths,), resolutions=(12, 16))


def initial(
    *warm_start: SubnetConfig,
    seed: int = 0,
    whole_grid: bool = False,
    steps: Steps = STEPS,
    space: SearchSpace = SPACE,
) -> list[SubnetConfig]:
    key = channels if space == SPACE else lambda config: config
    return list(initial_configs(space, steps, warm_start, key, whole_grid=whole_grid, seed=seed))


@pytest.mark.parametrize("whole_grid", [True, False])
def test_the_corners_come_first_then_others_in_the_seeds_order(whole_grid: bool) -> None:
    found = initial(whole_grid=whole_grid)
    assert found[:2] == [SPACE.largest, SPACE.smallest]
    assert set(found[:4]) == set(SPACE.corners)
    assert len({channels(config) for config in found}) == len(found)
    assert found == initial(whole_grid=whole_grid)
    assert found != initial(whole_grid=whole_grid, seed=1)


def test_the_whole_grid_or_a_few_spread_points() -> None:
    grid = {channels(config) for config in SPACE.grid()}
    assert set(map(channels, initial(whole_grid=True))) == grid
    few = initial()
    assert len(few) < 14
    assert {config.resolution for config in few[4:]} == {12, 16}


def test_the_spread_points_have_widths_of_their_own() -> None:
    space = SearchSpace(resolutions=(16, 12), num_groups=3)
    steps = Steps(widths=((0.25, 1.0), SPACE.widths, (0.5, 0.75, 1.0)), resolutions=(12, 16))
    found = initial(steps=steps, space=space)
    assert all(steps.lifted(config) == config for config in found)
    assert sum(len(config.width_mults) == 3 for config in found) >= 5


def test_a_warm_start_comes_next_and_once() -> None:
    own = SubnetConfig(width_mults=(0.4,), resolution=12)
    found = initial(own, SPACE.largest, own, whole_grid=True)
    assert found[4] == own
    assert found.count(own) == 1
    assert len(found) == len(initial(whole_grid=True))


def test_a_warm_start_replaces_the_spread_points() -> None:
    own = SubnetConfig(width_mults=(0.4,), resolution=12)
    assert initial(own)[4:] == [own]


def test_what_the_space_does_not_hold_is_refused() -> None:
    with pytest.raises(StudyError, match=r"must have widths >= 0\.25"):
        initial(SubnetConfig(width_mults=(0.1,), resolution=12))
