"""The initial configs of a search, evaluated before the sampler proposes any."""

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
    """Yield the largest and smallest configs, `warm_start`, then the uniform grid in random order.

    Yields (config, origin); the origin is "grid" for configs of the uniform grid, else "search". Of
    configs with the same `channels`, only the first is yielded. `rng` shuffles the grid.

    Raises StudyError if a config of `warm_start` is outside the space.
    """
    grid = {channels(config): config for config in reversed(list(space.grid()))}
    on_grid = {*grid, channels(space.largest), channels(space.smallest)}
    ends = [grid.pop(channels(each), each) for each in (space.largest, space.smallest)]
    rest = list(grid.values())
    rng.shuffle(rest)
    yielded: set[Hashable] = set()
    for config in [*ends, *(_inside(space, each) for each in warm_start), *rest]:
        if channels(config) not in yielded:
            yielded.add(channels(config))
            yield config, "grid" if channels(config) in on_grid else "search"


def _inside(space: SearchSpace, config: SubnetConfig) -> SubnetConfig:
    low = space.width_range[0]
    if config.resolution not in space.resolutions or min(config.width_mults) < low:
        raise StudyError(
            f"a warm-start config must have widths >= {low} and a resolution in "
            f"{space.resolutions}, but got {config.config_id}; remove it"
        )
    return config
