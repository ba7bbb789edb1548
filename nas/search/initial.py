"""The configs that a search evaluates before its sampler proposes any."""

import random
from collections.abc import Callable, Hashable, Iterator, Sequence

from nas.errors import StudyError
from supernet import SearchSpace, SubnetConfig


def initial_configs(
    space: SearchSpace,
    warm_start: Sequence[SubnetConfig],
    channels: Callable[[SubnetConfig], Hashable],
    rng: random.Random,
) -> Iterator[tuple[SubnetConfig, str]]:
    """The largest and the smallest config, `warm_start`, then the rest of the uniform grid.

    Yields (config, origin), the origin being "grid" for what the uniform grid holds and "search"
    for the rest. Configs with the same `channels` are one, and come once; `rng` orders the grid.

    Raises StudyError for a config of `warm_start` that the space does not hold.
    """
    grid = {channels(config): config for config in reversed(list(space.grid()))}
    on_grid = {*grid, channels(space.largest), channels(space.smallest)}
    ends = [grid.pop(channels(each), each) for each in (space.largest, space.smallest)]
    rest = list(grid.values())
    rng.shuffle(rest)
    seen: set[Hashable] = set()
    for config in [*ends, *(_inside(space, each) for each in warm_start), *rest]:
        if channels(config) not in seen:
            seen.add(channels(config))
            yield config, "grid" if channels(config) in on_grid else "search"


def _inside(space: SearchSpace, config: SubnetConfig) -> SubnetConfig:
    low = space.width_range[0]
    if config.resolution not in space.resolutions or min(config.width_mults) < low:
        raise StudyError(
            f"a config to start with must have widths from {low} and a resolution of "
            f"{space.resolutions}, but got {config.config_id}: leave it out"
        )
    return config
