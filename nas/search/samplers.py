"""Registry of samplers by name."""

from collections.abc import Callable, Sequence
from typing import Any

from optuna.samplers import (
    BaseSampler,
    GPSampler,
    NSGAIIISampler,
    NSGAIISampler,
    RandomSampler,
    TPESampler,
)
from optuna.trial import FrozenTrial

from nas.errors import StudyError
from nas.search.guide import Array, Guide
from nas.search.trials import is_foreign

OPTUNAS: dict[str, Callable[..., BaseSampler]] = {
    "nsga2": NSGAIISampler,
    "nsga3": NSGAIIISampler,
    "tpe": TPESampler,
    "gp": GPSampler,
    "random": RandomSampler,
}
GRID = "grid"
"""The paper's method: the uniform grid and nothing else."""
SAMPLERS = ("guide", GRID, *OPTUNAS)


def make_sampler(
    name: str,
    seed: int,
    *,
    num_done: int = 0,
    is_new: Callable[[dict[str, Any]], bool],
    features: Callable[[dict[str, Any]], Sequence[float]],
    excess: Callable[[FrozenTrial], list[float]],
    scored: tuple[Array, Array] | None = None,
) -> BaseSampler:
    """Create the sampler `name`; the last four arguments are passed to the guide.

    With a fixed seed, Optuna's samplers would repeat their first proposals in a resumed study, so
    `num_done` trials are added to the seed. Raises StudyError for a name not in SAMPLERS.
    """
    if name == "guide":
        return Guide(
            seed=seed,
            is_new=is_new,
            features=features,
            excess=excess,
            is_foreign=is_foreign,
            scored=scored,
        )
    if name == GRID:
        return RandomSampler(seed=seed)  # never asked: the grid is queued as a whole
    if name not in OPTUNAS:
        raise StudyError(f"a sampler must be one of {', '.join(SAMPLERS)}, but got {name!r}")
    return OPTUNAS[name](seed=seed + num_done)
