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
from nas.guide import Guide

OPTUNAS: dict[str, Callable[..., BaseSampler]] = {
    "nsga2": NSGAIISampler,
    "nsga3": NSGAIIISampler,
    "tpe": TPESampler,
    "gp": GPSampler,
    "random": RandomSampler,
}
SAMPLERS = ("guide", *OPTUNAS)


def make_sampler(name: str, seed: int, is_new: Callable[[dict[str, Any]], bool]) -> BaseSampler:
    """The sampler called `name`; `is_new` is for the guide, see there.

    Raises StudyError for a name that is none of SAMPLERS.
    """
    if name == "guide":
        return Guide(seed=seed, is_new=is_new)
    if name not in OPTUNAS:
        raise StudyError(f"a sampler must be one of {', '.join(SAMPLERS)}, but got {name!r}")
    return OPTUNAS[name](seed=seed)
