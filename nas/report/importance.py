"""Parameter importance: the share of the variance of top1 or latency that each width explains."""

from collections.abc import Sequence
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import FanovaImportanceEvaluator
from optuna.trial import create_trial

from planner import Candidate

MIN_CANDIDATES = 20
"""Minimum number of candidates for a useful estimate."""

Quantity = Literal["top1", "latency_p50_ms"]


def group_importance(
    candidates: Sequence[Candidate], quantity: Quantity, names: Sequence[str], *, seed: int = 0
) -> dict[str, float]:
    """Share of the variance of each parameter, by fANOVA (Hutter, Hoos & Leyton-Brown 2014).

    Parameters are the groups, called `names`, and `resolution`; the most important one is first.
    Empty for fewer than MIN_CANDIDATES candidates, or if all values are equal.
    """
    values = [candidate.value(quantity) for candidate in candidates]
    if len(candidates) < MIN_CANDIDATES or min(values) == max(values):
        return {}
    rows = [_params(candidate, names) for candidate in candidates]
    space = {name: _distribution([row[name] for row in rows]) for name in rows[0]}
    study = optuna.create_study(direction="maximize")
    for row, value in zip(rows, values, strict=True):
        study.add_trial(create_trial(params=row, distributions=space, value=value))
    evaluator = FanovaImportanceEvaluator(seed=seed)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _params(candidate: Candidate, names: Sequence[str]) -> dict[str, Any]:
    widths = candidate.config.width_mults
    widths = widths if len(widths) == len(names) else widths * len(names)
    return {**dict(zip(names, widths, strict=True)), "resolution": candidate.config.resolution}


def _distribution(values: Sequence[float]) -> BaseDistribution:
    if isinstance(values[0], int):
        return CategoricalDistribution(sorted(set(values)))
    return FloatDistribution(min(values), max(values))
