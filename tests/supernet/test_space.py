import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supernet.errors import SpaceError
from supernet.space import (
    SearchSpace,
    SubnetConfig,
    channel_multiple,
    round_channels,
    widths_from,
)


def test_config_id_is_readable_and_reads_back() -> None:
    config = SubnetConfig(width_mults=(0.25, 0.5, 1.0), resolution=24)
    assert config.config_id == "w0.25_0.5_1-r24"
    assert SubnetConfig.from_id("w0.25_0.5_1-r24") == config
    assert SubnetConfig(width_mults=(0.75,), resolution=24).config_id == "w0.75-r24"


def test_equal_widths_are_one() -> None:
    config = SubnetConfig(width_mults=(0.5, 0.5, 0.5), resolution=24)
    assert config == SubnetConfig(width_mults=(0.5,), resolution=24)
    assert config.config_id == "w0.5-r24"


@pytest.mark.parametrize("text", ["", "w-r", "w0.5", "0.5-r24", "wx-r24", "w0.5-r", "w2-r24"])
def test_what_is_no_config_id_is_refused(text: str) -> None:
    with pytest.raises(SpaceError):
        SubnetConfig.from_id(text)


@pytest.mark.parametrize("width", [0.0, -0.5, 1.01, float("nan")])
def test_widths_are_fractions(width: float) -> None:
    with pytest.raises(SpaceError, match="0 < width_mult <= 1"):
        SubnetConfig(width_mults=(width,), resolution=28)


def test_resolutions_are_positive() -> None:
    with pytest.raises(SpaceError, match="resolution >= 1"):
        SubnetConfig(width_mults=(1.0,), resolution=0)


@pytest.mark.parametrize(
    ("channels", "width", "kept"),
    [(32, 0.5, 16), (32, 0.35, 16), (16, 0.25, 8), (12, 1.0, 12), (12, 0.9, 12), (4, 0.5, 4)],
)
def test_channels_round_as_in_mobilenet(channels: int, width: float, kept: int) -> None:
    assert round_channels(channels, width) == kept


@given(st.integers(1, 2048), st.floats(0.01, 1.0), st.sampled_from([1, 4, 8]))
def test_rounding_keeps_its_bounds(channels: int, width: float, divisor: int) -> None:
    kept = round_channels(channels, width, divisor)
    assert min(channels, divisor) <= kept <= channels
    assert kept == channels or kept % divisor == 0
    assert kept >= 0.9 * channels * width


@pytest.mark.parametrize(
    ("channels", "unit", "step"),
    [(32, 1, 8), (12, 1, 8), (8, 1, 4), (6, 1, 2), (3, 1, 1), (2, 2, 2), (60, 3, 24), (24, 3, 12)],
)
def test_narrow_layers_change_in_smaller_steps(channels: int, unit: int, step: int) -> None:
    assert channel_multiple(channels, unit, 8) == step


@given(st.integers(1, 512), st.integers(1, 64), st.sampled_from([1, 3, 8, 16]))
def test_a_step_is_made_of_whole_units(size: int, unit: int, divisor: int) -> None:
    step = channel_multiple(size * unit, unit, divisor)
    assert step % unit == 0
    assert 0 < step < size * unit or (size == 1 and step == unit)


def test_grid_holds_every_width_at_every_resolution_largest_first() -> None:
    space = SearchSpace(widths=(0.25, 1.0, 0.5, 0.75), resolutions=(16, 28))
    grid = list(space.grid())
    assert [config.config_id for config in grid] == [
        *("w1-r28", "w0.75-r28", "w0.5-r28", "w0.25-r28"),
        *("w1-r16", "w0.75-r16", "w0.5-r16", "w0.25-r16"),
    ]
    assert grid[0] == space.largest
    assert grid[-1] == space.smallest


def test_a_range_of_one_width_has_a_grid_of_one_width() -> None:
    space = SearchSpace(widths=(1.0,), resolutions=(28,))
    assert [config.config_id for config in space.grid()] == ["w1-r28"]


def test_a_thin_grid_spreads_its_widths() -> None:
    space = SearchSpace(resolutions=(28,))
    assert [config.config_id for config in space.grid(num_widths=4)] == [
        *("w1-r28", "w0.75-r28", "w0.5-r28", "w0.25-r28")
    ]
    assert [config.config_id for config in space.grid(num_widths=1)] == ["w1-r28"]
    assert len([*space.grid(num_widths=99)]) == len(space.widths)


@pytest.mark.parametrize("widths", [(), (0.5, 0.9), (0.0, 1.0), (1.1, 1.0)])
def test_impossible_widths_are_refused(widths: tuple[float, ...]) -> None:
    with pytest.raises(SpaceError, match="one width must be 1"):
        SearchSpace(widths=widths)


@pytest.mark.parametrize(
    ("low", "second", "count"),
    [(0.25, 0.3, 16), (0.5, 0.55, 11), (0.7, 0.72, 16), (0.9, 0.91, 11), (0.33, 0.35, 15)],
)
def test_widths_are_a_short_list(low: float, second: float, count: int) -> None:
    widths = widths_from(low)
    assert (*widths[:2], widths[-1], len(widths)) == (low, second, 1.0, count)
    assert widths == tuple(round(width, 4) for width in widths)


def test_a_range_can_be_one_width_but_not_empty() -> None:
    assert widths_from(1.0) == (1.0,)
    for low in (0.0, 1.1):
        with pytest.raises(SpaceError, match="0 < low <= 1"):
            widths_from(low)


def test_a_space_needs_a_resolution() -> None:
    with pytest.raises(SpaceError, match="resolution >= 1"):
        SearchSpace(resolutions=())


def test_random_widths_are_the_spaces_and_follow_the_seed() -> None:
    space = SearchSpace(widths=widths_from(0.7), num_groups=2)
    drawn = [space.random_widths(random.Random(seed)) for seed in range(200)]
    assert {width for each in drawn for width in each} == set(space.widths)
    assert drawn == [space.random_widths(random.Random(seed)) for seed in range(200)]


def test_by_default_each_stage_has_a_width() -> None:
    assert SearchSpace().groups == "stage"


def test_a_space_survives_json() -> None:
    space = SearchSpace(widths=(0.5, 1.0), resolutions=(32, 24), divisor=4, num_groups=3)
    assert SearchSpace.from_json(space.to_json()) == space


def test_the_corners_are_four_or_fewer() -> None:
    ids = [config.config_id for config in SearchSpace(resolutions=(28, 20, 16)).corners]
    assert ids == ["w1-r28", "w0.25-r28", "w1-r16", "w0.25-r16"]
    alone = SearchSpace(widths=(1.0,), resolutions=(28,))
    assert [config.config_id for config in alone.corners] == ["w1-r28"]


def test_a_single_width_is_that_of_each_group() -> None:
    assert SubnetConfig(width_mults=(0.5,), resolution=8).width_of_each(3) == (0.5, 0.5, 0.5)
    assert SubnetConfig(width_mults=(0.5, 1.0), resolution=8).width_of_each(2) == (0.5, 1.0)
