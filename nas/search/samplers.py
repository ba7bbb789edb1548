"""Samplers by name: who proposes the next config."""

from collections.abc import Callable
from typing import Any

from optuna.samplers import (
    BaseSampler,
    GPSampler,
    NSGAIIISampler,
    NSGAIISampler,
    RandomSampler,
    TPESampler,
)

from nas.errors import StudyError
from nas.search.guide import Guide

OPTUNAS: dict[str, Callable[..., BaseSampler]] = {
    "nsga2": NSGAIISampler,
    "nsga3": NSGAIIISampler,
    "tpe": TPESampler,
    "gp": GPSampler,
    "random": RandomSampler,
}
SAMPLERS = ("guide", *OPTUNAS)


def make_sampler(
    name: str,
    seed: int,
    *,
    num_done: int = 0,
    is_new: Callable[[dict[str, Any]], bool],
    cost: int = 1,
) -> BaseSampler:
    """The sampler called `name`; `is_new` and `cost` are for the guide, see there.

    Optuna's would repeat the proposals that a resumed study began with, so that their seed depends
    on how many trials that has. Raises StudyError for a name that is none of SAMPLERS.
    """
    if name == "guide":
        return Guide(seed=seed, is_new=is_new, cost=cost)
    if name not in OPTUNAS:
        raise StudyError(f"a sampler must be one of {', '.join(SAMPLERS)}, but got {name!r}")
    return OPTUNAS[name](seed=seed + num_done)
