"""A model of the target: latency from what a config's layers cost, learned from measured ones.

Latency is nearly a sum over layers, so the model is a sum too: a ridge regression of the time on
each layer's MACs, channels in whole vectors, numbers moved and weights, fitted to relative errors.
It says how good it is by cross-validation, on configs that it was not fitted to.

The penalty is chosen by folds, not by the closed form for leaving one out (RidgeCV): with more
layers than configs that can come out so low that the model runs through its noisy configs, and is
far worse on others than it thinks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold

Array = NDArray[np.float64]

MIN_CONFIGS = 20
"""Fewer say too little of the model's error."""
MIN_WITHIN_10 = 0.9
MIN_RANK_CORRELATION = 0.95
NUM_FOLDS = 5
PENALTIES = tuple(np.logspace(-4, 2, 13))


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How well latencies were predicted of configs that the model was not fitted to."""

    num_configs: int
    within_5: float
    """Share of configs predicted within 5 % of what was measured."""
    within_10: float
    rank_correlation: float
    """Spearman's; 1: the order is the same."""

    @property
    def is_good(self) -> bool:
        """Whether the model may stand in for measuring."""
        return (
            self.num_configs >= MIN_CONFIGS
            and self.within_10 >= MIN_WITHIN_10
            and self.rank_correlation >= MIN_RANK_CORRELATION
        )


def quality(measured: Sequence[float] | Array, predicted: Sequence[float] | Array) -> Quality:
    """Compare predictions with measurements of the same configs."""
    errors = np.abs(np.asarray(predicted) / np.asarray(measured) - 1)
    return Quality(
        num_configs=len(errors),
        within_5=float(np.mean(errors <= 0.05)),
        within_10=float(np.mean(errors <= 0.10)),
        rank_correlation=float(spearmanr(measured, predicted).statistic),
    )


class LatencyPredictor:
    """Fitted to configs of one supernet measured on one target.

    Args:
        costs: (num_configs, num_costs): `nas.cost.layers.layer_costs` of each config.
        latencies_ms: (num_configs,) medians that were measured.
        seed: of the folds.
    """

    def __init__(
        self, costs: Sequence[Sequence[float]], latencies_ms: Sequence[float], *, seed: int = 0
    ) -> None:
        x, y = np.asarray(costs, dtype=np.float64), np.asarray(latencies_ms, dtype=np.float64)
        self._model = _Sum(x, y, seed)
        held_out = np.empty_like(y)
        for fitted, left in _folds(y, seed).split(x):
            held_out[left] = _Sum(x[fitted], y[fitted], seed).predict(x[left])
        self.quality = quality(y, held_out)
        """By cross-validation."""
        self._spread = _bound(np.abs(np.log(y / held_out)))

    def predict(self, costs: Sequence[float]) -> tuple[float, float, float]:
        """(latency, low, high) in ms: the median and its 95 % interval, from held-out configs."""
        latency = float(self._model.predict(np.asarray([costs], dtype=np.float64))[0])
        return latency, latency * np.exp(-self._spread), latency * np.exp(self._spread)


def _bound(errors: Array) -> float:
    """What a new error stays below with 95 %: the conformal quantile of those that were seen.

    Among n + 1 exchangeable errors the new one has any rank alike, so the bound is the seen one of
    rank 0.95 (n + 1), or the largest (Lei et al., JASA 113:523, 2018; folds as in CV+, Barber et
    al., Annals of Statistics 49:1, 2021).
    """
    rank = math.ceil(0.95 * (len(errors) + 1))
    return float(np.sort(errors)[min(rank, len(errors)) - 1])


def _folds(y: Array, seed: int) -> KFold:
    return KFold(min(NUM_FOLDS, len(y)), shuffle=True, random_state=seed)


class _Sum:
    """Ridge regression with relative errors: both sides are divided by the latency."""

    def __init__(self, x: Array, y: Array, seed: int) -> None:
        self._scale = x.std(axis=0)
        self._floor = 0.5 * float(y.min())
        self._model: Any = GridSearchCV(
            Ridge(),
            {"alpha": PENALTIES},
            scoring="neg_mean_absolute_percentage_error",
            cv=_folds(y, seed),
        )
        self._model.fit(self._scaled(x), y, sample_weight=(y.mean() / y) ** 2)

    def _scaled(self, x: Array) -> Array:
        return x / np.where(self._scale > 0, self._scale, np.inf)

    def predict(self, x: Array) -> Array:
        predicted: Array = np.maximum(self._model.predict(self._scaled(x)), self._floor)
        return predicted
