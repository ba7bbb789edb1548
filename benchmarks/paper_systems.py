"""The systems that MutualNet's paper compares, as training jobs of equal steps or equal MACs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from nas.cost import count_macs
from supernet import Hyperparameters, Recipe, SearchSpace, Supernet, TrainingJob
from supernet.models import build_model
from supernet.recipe import RECIPES

CUT = "benchmarks.paper_systems:cut_model"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much is trained and scored."""

    model: str
    """The full network."""
    model_options: dict[str, Any]
    """Its options."""
    epochs: int
    """Of every system at equal steps, and of `mutual`."""
    batch_size: int
    lr: float
    width_low: float
    """Lower bound of the widths."""
    independent_widths: tuple[float, ...]
    """Widths of the networks that are trained alone, the full one first."""
    lower_bounds: tuple[float, ...]
    """Other lower bounds that `mutual` is trained with."""
    num_widths: int
    """Of the grid that is scored."""
    num_seeds: int


_SMALL = Budget(
    model="wide_resnet",
    model_options={"depth": 10, "widen": 2, "stem_stride": 2},
    epochs=2,
    batch_size=128,
    lr=0.1,
    width_low=0.25,
    independent_widths=(1.0, 0.5, 0.25),
    lower_bounds=(0.7,),
    num_widths=7,
    num_seeds=2,
)

BUDGETS = {
    "toy": replace(
        _SMALL,
        model_options={"depth": 10, "widen": 1, "stem_stride": 2},
        epochs=1,
        num_widths=4,
        num_seeds=1,
    ),
    "small": _SMALL,
    "full": replace(
        _SMALL,
        model_options={"depth": 16, "widen": 8},
        epochs=200,
        independent_widths=(1.0, 0.75, 0.5, 0.25),
        lower_bounds=(0.5, 0.7, 0.9),
        num_widths=16,
        num_seeds=3,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training of the comparison."""

    name: str
    """Of its folder."""
    system: str
    """What the table calls it; networks that are trained alone make up one system together."""
    job: TrainingJob
    width: float
    """Of the full network of this run, as a fraction of the budget's."""


def cut_model(num_classes: int, *, model: str, width: float, **options: Any) -> nn.Module:
    """A network of one width, initialised afresh: the subnet of `model` at `width`."""
    full = build_model(model, num_classes, options)
    side = 32
    supernet = Supernet(full, torch.empty(1, 3, side, side), SearchSpace(resolutions=(side,)))
    network = supernet.extract(supernet.space.uniform(width, side))
    for layer in network.modules():
        reset = getattr(layer, "reset_parameters", None)
        if callable(reset):
            reset()
    return network


def all_runs(
    data: str, data_root: str, resolutions: tuple[int, ...], budget: Budget, num_classes: int
) -> Iterator[Run]:
    """Every training, seed by seed, so that the first seed's table is complete early.

    Systems "... (equal MACs)" have as many epochs as make their training cost what `mutual`'s does,
    of all networks together where there are several; a system of which that is one and the same
    number of epochs has no such row.
    """
    space = SearchSpace(width_range=(budget.width_low, 1.0), resolutions=resolutions)
    job = TrainingJob(
        data=data,
        data_root=data_root,
        model=budget.model,
        model_options=budget.model_options,
        hyperparameters=Hyperparameters(batch_size=budget.batch_size, lr=budget.lr),
        space=space,
        epochs=budget.epochs,
    )
    cost = _Cost(budget, resolutions, num_classes)
    mutual = cost.of_step(RECIPES["mutual"], space)
    for seed in range(budget.num_seeds):
        seeded = replace(job, seed=seed)
        for recipe in RECIPES.values():
            equal = max(1, round(budget.epochs * mutual / cost.of_system(recipe, space)))
            yield from _runs(replace(seeded, recipe=recipe), budget, "")
            if equal != budget.epochs:
                note = " (equal MACs)"
                yield from _runs(replace(seeded, recipe=recipe, epochs=equal), budget, note)
        for low in budget.lower_bounds:
            narrower = replace(space, width_range=(low, 1.0))
            yield _run(replace(seeded, space=narrower), f"mutual {low:g}-1", 1.0)


def _runs(job: TrainingJob, budget: Budget, note: str) -> Iterator[Run]:
    system = f"{job.recipe.name}{note}"
    if job.recipe.trains_widths:
        yield _run(job, system, 1.0)
        return
    for width in budget.independent_widths:
        options = {"model": budget.model, "width": width, **budget.model_options}
        yield _run(replace(job, model=CUT, model_options=options), system, width)


def _run(job: TrainingJob, system: str, width: float) -> Run:
    slug = system.replace(" ", "_").replace("(", "").replace(")", "")
    return Run(name=f"seed{job.seed}-{slug}-w{width:g}", system=system, job=job, width=width)


class _Cost:
    """Multiply-adds of the forward passes of one step and one image, on average."""

    def __init__(self, budget: Budget, resolutions: tuple[int, ...], num_classes: int) -> None:
        self.budget = budget
        model = build_model(budget.model, num_classes, budget.model_options)
        example = torch.empty(1, 3, resolutions[0], resolutions[0])
        self.supernet = Supernet(model, example, SearchSpace(resolutions=resolutions))

    def of_system(self, recipe: Recipe, space: SearchSpace) -> float:
        """Of one step of each of its networks."""
        if recipe.trains_widths:
            return self.of_step(recipe, space)
        sides = self._sides(recipe, space)
        return sum(
            self._macs(width, side) for width in self.budget.independent_widths for side in sides
        ) / len(sides)

    def of_step(self, recipe: Recipe, space: SearchSpace) -> float:
        """Of one step of a supernet; random widths are taken at nine even places."""
        low, sides = space.width_range[0], self._sides(recipe, space)
        places = [low + (1 - low) * (i + 0.5) / 9 for i in range(9)]
        full = sides if recipe.resolutions == "shared" else [space.resolutions[0]]
        return (
            self._mean([1.0], full)
            + recipe.narrowest * self._mean([low], sides)
            + recipe.num_random * self._mean(places, sides)
        )

    def _sides(self, recipe: Recipe, space: SearchSpace) -> list[int]:
        return list(space.resolutions[:1] if recipe.resolutions == "highest" else space.resolutions)

    def _mean(self, widths: list[float], sides: list[int]) -> float:
        values = [self._macs(width, side) for width in widths for side in sides]
        return sum(values) / len(values)

    def _macs(self, width: float, side: int) -> int:
        return count_macs(self.supernet.extract(self.supernet.space.uniform(width, side)), side)
