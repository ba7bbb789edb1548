"""The initial configs of a search, evaluated before the sampler proposes any."""

import random
from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np
from scipy.stats import qmc

from nas.errors import StudyError
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
    sequence). Each config is lifted to `steps`; of those with the same `channels`, only the first
    is yielded.

    Raises StudyError if a config of `warm_start` is outside the space.
    """
    rest = _shuffled(space, seed) if whole_grid else _spread(space, steps, seed)
    yielded: set[Hashable] = set()
    for config in [*_corners(space), *(_inside(space, each) for each in warm_start), *rest]:
        lifted = steps.lifted(config)
        if channels(lifted) not in yielded:
            yielded.add(channels(lifted))
            yield lifted


def _corners(space: SearchSpace) -> list[SubnetConfig]:
    """The corners of the space, the two extremes first."""
    return list(dict.fromkeys([space.largest, space.smallest, *space.corners]))


def _shuffled(space: SearchSpace, seed: int) -> list[SubnetConfig]:
    grid = list(space.grid())
    random.Random(seed).shuffle(grid)
    return grid


def _spread(space: SearchSpace, steps: Steps, seed: int) -> Iterator[SubnetConfig]:
    """Uniform configs, a narrower and a wider one in turn, then the space-filling rest."""
    last = len(space.widths) - 1
    places = (space.widths[round(last / 3)], space.widths[round(2 * last / 3)])
    for number, resolution in enumerate(space.resolutions):
        yield space.uniform(places[number % 2], resolution)
    sizes = np.array([*(len(each) for each in steps.widths), len(steps.resolutions)])
    points = qmc.Sobol(len(sizes), rng=np.random.default_rng(seed)).random(NUM_SPREAD)
    for *numbers, resolution in (points * sizes).astype(int).tolist():
        widths = (each[number] for each, number in zip(steps.widths, numbers, strict=True))
        yield SubnetConfig(width_mults=tuple(widths), resolution=steps.resolutions[resolution])


def _inside(space: SearchSpace, config: SubnetConfig) -> SubnetConfig:
    low = space.narrowest
    if config.resolution not in space.resolutions or min(config.width_mults) < low:
        raise StudyError(
            f"a warm-start config must have widths >= {low} and a resolution in "
            f"{space.resolutions}, but got {config.config_id}; remove it"
        )
    return config
