"""The systems that MutualNet's paper compares, as training jobs of equal steps or equal MACs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from benchmarks.paper.budgets import Budget
from benchmarks.paper.cost import Cost
from supernet import Hyperparameters, SearchSpace, Supernet, TrainingJob
from supernet.job.recipe import RECIPES
from supernet.models import build_model
from supernet.space import widths_from

PAPERS = ("mutual", "us", "us_multiscale", "independent", "multiscale")
"""The recipes that the paper compares."""

DEFAULT = "mutual_hard_soft"
"""The recipe that is trained by default; it is compared at equal cost."""

EQUAL_MACS = " (equal MACs)"
NEARLY_EQUAL = 0.2
TUNING_SEED = 1000
CUT = "benchmarks.paper.systems:cut_model"


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
    cost: float
    """MACs of training its system, of which `mutual` has 1."""


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


@dataclass(frozen=True, kw_only=True)
class Source:
    """The images that everything is trained and told on."""

    data: str
    data_root: str
    resolutions: tuple[int, ...]
    num_classes: int


def all_runs(source: Source, budget: Budget, rates: Mapping[str, float]) -> Iterator[Run]:
    """Every training, what matters most first: each part for all seeds, then the next part.

    `rates` are learning rates by the recipe's name, of those that have one of their own.
    """
    job, cost = _begin(source, budget)
    for part in (_equal_steps, _equal_macs, _default, _lower_bounds):
        for seed in range(budget.num_seeds):
            for run in part(replace(job, seed=seed), budget, cost):
                yield replace(run, job=_at_rate(run.job, rates.get(run.job.recipe.name, budget.lr)))


def tuning_runs(source: Source, budget: Budget) -> Iterator[tuple[str, float, Run]]:
    """The trainings that choose each recipe's learning rate, with its name and the rate.

    Their seed is of their own, and so are the images that they hold out: see `split_images`.
    """
    job, cost = _begin(source, budget)
    short = replace(job, seed=TUNING_SEED, epochs=budget.tuning_epochs)
    for recipe in map(RECIPES.__getitem__, (*PAPERS, DEFAULT)):
        for rate in budget.learning_rates:
            tuned = _at_rate(replace(short, recipe=recipe), rate)
            for run in _runs(tuned, budget, f" at {rate:g}", cost.of_system(recipe)):
                yield recipe.name, rate, run


def _at_rate(job: TrainingJob, rate: float) -> TrainingJob:
    return replace(job, hyperparameters=replace(job.hyperparameters, lr=rate))


def _begin(source: Source, budget: Budget) -> tuple[TrainingJob, Cost]:
    widths = widths_from(budget.width_low)
    space = SearchSpace(widths=widths, resolutions=source.resolutions, groups="one")
    job = TrainingJob(
        data=source.data,
        data_root=source.data_root,
        recipe=RECIPES["mutual"],
        model=budget.model,
        model_options=budget.model_options,
        hyperparameters=Hyperparameters(
            batch_size=budget.batch_size, lr=budget.lr, dtype=budget.dtype
        ),
        space=space,
        epochs=budget.epochs,
    )
    alone = budget.independent_widths
    return job, Cost(budget.model, budget.model_options, source.num_classes, space, alone)


def _equal_steps(job: TrainingJob, budget: Budget, cost: Cost) -> Iterator[Run]:
    for recipe in map(RECIPES.__getitem__, PAPERS):
        yield from _runs(replace(job, recipe=recipe), budget, "", cost.of_system(recipe))


def _equal_macs(job: TrainingJob, budget: Budget, cost: Cost) -> Iterator[Run]:
    """Systems with as many epochs as make all training of them cost what `mutual`'s does.

    A system whose cost is within a fifth of that anyway has no such row.
    """
    for recipe in map(RECIPES.__getitem__, PAPERS):
        of_system = cost.of_system(recipe)
        if abs(of_system - 1) > NEARLY_EQUAL:
            epochs = _epochs(budget, of_system)
            longer = replace(job, recipe=recipe, epochs=epochs)
            yield from _runs(longer, budget, EQUAL_MACS, of_system * epochs / budget.epochs)


def _default(job: TrainingJob, budget: Budget, cost: Cost) -> Iterator[Run]:
    """The default recipe, with as many epochs as cost what `mutual`'s do."""
    recipe = RECIPES[DEFAULT]
    of_system = cost.of_system(recipe)
    epochs = _epochs(budget, of_system)
    longer = replace(job, recipe=recipe, epochs=epochs)
    yield _run(longer, DEFAULT, 1.0, of_system * epochs / budget.epochs)


def _lower_bounds(job: TrainingJob, budget: Budget, cost: Cost) -> Iterator[Run]:
    for low in budget.lower_bounds:
        narrower = replace(job.space, widths=widths_from(low))
        of_system = cost.of_system(job.recipe, narrower)
        yield _run(replace(job, space=narrower), f"mutual {low:g}-1", 1.0, of_system)


def _epochs(budget: Budget, cost: float) -> int:
    return max(1, round(budget.epochs / cost))


def _runs(job: TrainingJob, budget: Budget, note: str, cost: float) -> Iterator[Run]:
    system = f"{job.recipe.name}{note}"
    if job.recipe.trains_widths:
        yield _run(job, system, 1.0, cost)
        return
    for width in budget.independent_widths:
        options = {"model": budget.model, "width": width, **budget.model_options}
        yield _run(replace(job, model=CUT, model_options=options), system, width, cost)


def _run(job: TrainingJob, system: str, width: float, cost: float) -> Run:
    slug = system.replace(" ", "_").replace("(", "").replace(")", "").replace(",", "")
    name = f"seed{job.seed}-{slug}-w{width:g}"
    return Run(name=name, system=system, job=job, width=width, cost=cost)
