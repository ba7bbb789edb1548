"""The initial configs of a search, evaluated before the sampler proposes any."""

import random
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

import numpy as np
from scipy.stats import qmc

from nas.errors import StudyError
from nas.number_types import dtype_of, typed
from nas.search.steps import Steps
from supernet import SearchSpace, SubnetConfig

NUM_SPREAD = 8
"""Configs of the space-filling rest; a power of two, as Sobol's sequence wants it."""


def initial_configs(
    space: SearchSpace,
    steps: Steps,
    warm_start: Sequence[SubnetConfig],
    channels: Callable[[SubnetConfig], Hashable],
    *,
    whole_grid: bool,
    seed: int,
) -> Iterator[SubnetConfig]:
    """Yield the corners, `warm_start`, then the uniform grid or, instead, a few spread points.

    The spread points are a uniform config at each resolution and a space-filling rest (Sobol's
    sequence); a warm start takes their place, because it is spread along a front. Corners, the grid
    and a warm start that names no number type of `steps` come in each of them. Each config is
    lifted to `steps`; of those with the same `channels`, only the first is yielded.

    Raises StudyError if a config of `warm_start` is outside the space.
    """
    if whole_grid:
        rest: Iterable[SubnetConfig] = _shuffled(space, steps, seed)
    else:
        rest = () if warm_start else _spread(space, steps, seed)
    begin = [*steps.in_each_dtype(_corners(space))]
    for config in warm_start:
        has_own = dtype_of(_inside(space, config)) in steps.dtypes
        begin += [config] if has_own else steps.in_each_dtype([config])
    yielded: set[Hashable] = set()
    for config in [*begin, *rest]:
        lifted = steps.lifted(config)
        if channels(lifted) not in yielded:
            yielded.add(channels(lifted))
            yield lifted


def _corners(space: SearchSpace) -> list[SubnetConfig]:
    """The corners of the space, the two extremes first."""
    return list(dict.fromkeys([space.largest, space.smallest, *space.corners]))


def _shuffled(space: SearchSpace, steps: Steps, seed: int) -> list[SubnetConfig]:
    grid = [*steps.in_each_dtype(space.grid())]
    random.Random(seed).shuffle(grid)
    return grid


def _spread(space: SearchSpace, steps: Steps, seed: int) -> Iterator[SubnetConfig]:
    """Uniform configs, a narrower and a wider one in turn, then the space-filling rest.

    Of several number types, the uniform configs are in each for two of them in turn.
    """
    last = len(space.widths) - 1
    places = (space.widths[round(last / 3)], space.widths[round(2 * last / 3)])
    dtypes = steps.dtypes or (None,)
    for number, resolution in enumerate(space.resolutions):
        yield typed(
            space.uniform(places[number % 2], resolution), dtypes[number // 2 % len(dtypes)]
        )
    sizes = np.array([*map(len, steps.axes)])
    points = qmc.Sobol(len(sizes), rng=np.random.default_rng(seed)).random(NUM_SPREAD)
    for numbers in (points * sizes).astype(int).tolist():
        yield steps.config_of(
            [axis[number] for axis, number in zip(steps.axes, numbers, strict=True)]
        )


def _inside(space: SearchSpace, config: SubnetConfig) -> SubnetConfig:
    low = space.narrowest
    if config.resolution not in space.resolutions or min(config.width_mults) < low:
        raise StudyError(
            f"a warm-start config must have widths >= {low} and a resolution in "
            f"{space.resolutions}, but got {config.config_id}; remove it"
        )
    return config
