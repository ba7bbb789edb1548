"""Forecast: whether constraints are believed to be kept by any config, after a few evaluations.

Each constraint alone is checked before a search (`nas.search.feasibility`); that several exclude
each other shows only once the surrogates know some configs. It is told then, while the search goes
on: a prediction is no proof, and what is evaluated counts for other constraints, too.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from nas.conversions import subnet_config
from nas.evaluate.constraint import Constraint, nearest
from nas.evaluate.evaluation import Evaluation
from nas.evaluate.measures import value_of
from nas.search.guide import MIN_EVALUATED
from nas.search.steps import Steps
from nas.search.surrogate import Surrogates
from supernet import SubnetConfig, Supernet

MAX_CONFIGS = 5000
"""Of more configs, so many random ones are predicted."""


def conflict(
    supernet: Supernet,
    evaluations: Sequence[Evaluation],
    steps: Steps,
    constraints: Sequence[Constraint],
) -> str | None:
    """A line that says what can be had instead; None where the constraints seem to be kept by some.

    None, too, for too few evaluations.
    """
    rows = [{each.name: value_of(one, each.name) for each in constraints} for one in evaluations]
    if len(rows) < MIN_EVALUATED or not constraints:
        return None
    widths = Steps.all_of(supernet, steps.dtypes)
    models = Surrogates(
        np.array([widths.features(subnet_config(one.candidate)) for one in evaluations])
    )
    x = np.array([widths.features(config) for config in _configs(steps)])
    predicted = {}
    for name in {each.name for each in constraints}:
        found = np.array([row[name] for row in rows], dtype=np.float64)
        # Costs are products of widths, so their logs are smooth.
        if name == "top1":
            predicted[name] = np.clip(models.fit(found).predict(x)[0], 0, 1)
        else:
            predicted[name] = np.exp(models.fit(np.log(found)).predict(x)[0])
    for values in zip(*predicted.values(), strict=True):
        rows.append(dict(zip(predicted, map(float, values), strict=True)))
    if any(all(each.excess(row[each.name]) <= 0 for each in constraints) for row in rows):
        return None
    return (
        f"after {len(evaluations)} candidates no config is believed to keep "
        f"{' and '.join(map(str, constraints))}: {nearest(constraints, rows)}; the search goes on"
    )


def _configs(steps: Steps) -> list[SubnetConfig]:
    """All configs of the steps or, of too many, random ones."""
    if steps.num_configs <= MAX_CONFIGS:
        drawn = list(itertools.product(*steps.axes))
    else:
        rng = np.random.default_rng(0)
        places = [rng.integers(len(axis), size=MAX_CONFIGS) for axis in steps.axes]
        drawn = [
            tuple(axis[place] for axis, place in zip(steps.axes, row, strict=True))
            for row in zip(*places, strict=True)
        ]
    return [*map(steps.config_of, drawn)]
