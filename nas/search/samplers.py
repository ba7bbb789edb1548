"""Samplers by name: each proposes the next config to evaluate."""

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

    Optuna's samplers would repeat their first proposals in a resumed study, so their seed also
    depends on `num_done`, the number of its trials.

    Raises StudyError for a name that is not one of SAMPLERS.
    """
    if name == "guide":
        return Guide(seed=seed, is_new=is_new, cost=cost)
    if name not in OPTUNAS:
        raise StudyError(f"a sampler must be one of {', '.join(SAMPLERS)}, but got {name!r}")
    return OPTUNAS[name](seed=seed + num_done)
