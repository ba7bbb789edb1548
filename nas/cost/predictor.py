"""Latency predictor: a regression of a config's latency on the costs of its layers.

Latency is nearly a sum over layers, so the model is linear: a ridge regression on the costs of each
layer (`nas.cost.layers`), fitted to relative errors. Its quality is estimated by cross-validation.

The penalty is chosen by k-fold cross-validation, not by closed-form leave-one-out (RidgeCV): with
more costs than configs, RidgeCV can choose so low a penalty that the model overfits the noise and
greatly underestimates its error.
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
"""Minimum number of measured configs for a useful estimate of the model's error."""
MIN_WITHIN_10 = 0.9
MIN_RANK_CORRELATION = 0.95
NUM_FOLDS = 5
PENALTIES = tuple(np.logspace(-4, 2, 13))


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Quality of latency predictions for held-out configs."""

    num_configs: int
    within_5: float
    """Share of configs predicted within 5 % of their measured latency."""
    within_10: float
    """Share of configs predicted within 10 % of their measured latency."""
    rank_correlation: float
    """Spearman's rank correlation; 1 means the same order."""

    @property
    def is_good(self) -> bool:
        """Whether the predictions are good enough to replace measurements."""
        return (
            self.num_configs >= MIN_CONFIGS
            and self.within_10 >= MIN_WITHIN_10
            and self.rank_correlation >= MIN_RANK_CORRELATION
        )


def quality(measured: Sequence[float] | Array, predicted: Sequence[float] | Array) -> Quality:
    """Quality of `predicted` latencies against `measured` ones of the same configs."""
    errors = np.abs(np.asarray(predicted) / np.asarray(measured) - 1)
    return Quality(
        num_configs=len(errors),
        within_5=float(np.mean(errors <= 0.05)),
        within_10=float(np.mean(errors <= 0.10)),
        rank_correlation=float(spearmanr(measured, predicted).statistic),
    )


class LatencyPredictor:
    """Predicts latencies of one supernet's configs on one target, fitted to measured configs.

    Args:
        costs: (num_configs, num_costs), the `nas.cost.layers.layer_costs` of each config.
        latencies_ms: (num_configs,), the measured median latencies.
        seed: shuffles the cross-validation folds.
    """

    def __init__(
        self, costs: Sequence[Sequence[float]], latencies_ms: Sequence[float], *, seed: int = 0
    ) -> None:
        x, y = np.asarray(costs, dtype=np.float64), np.asarray(latencies_ms, dtype=np.float64)
        self._model = _RelativeRidge(x, y, seed)
        predicted = np.empty_like(y)
        for train, held_out in _folds(y, seed).split(x):
            predicted[held_out] = _RelativeRidge(x[train], y[train], seed).predict(x[held_out])
        self.quality = quality(y, predicted)
        """Quality estimated by cross-validation."""
        self._spread = _error_bound(np.abs(np.log(y / predicted)))

    def predict(self, costs: Sequence[float]) -> tuple[float, float, float]:
        """Predict (latency, low, high) in ms from one config's `layer_costs`.

        Low and high bound a 95 % prediction interval, derived from the held-out errors.
        """
        latency = float(self._model.predict(np.asarray([costs], dtype=np.float64))[0])
        return latency, latency * np.exp(-self._spread), latency * np.exp(self._spread)


def _error_bound(errors: Array) -> float:
    """Bound exceeded by a new error with at most 5 % probability: a conformal quantile of `errors`.

    Among n + 1 exchangeable errors every rank of the new one is equally likely, so the bound is the
    error of rank 0.95 (n + 1), or the largest (Lei et al., JASA 113:523, 2018; folds as in CV+,
    Barber et al., Annals of Statistics 49:1, 2021).
    """
    rank = math.ceil(0.95 * (len(errors) + 1))
    return float(np.sort(errors)[min(rank, len(errors)) - 1])


def _folds(y: Array, seed: int) -> KFold:
    return KFold(min(NUM_FOLDS, len(y)), shuffle=True, random_state=seed)


class _RelativeRidge:
    """Ridge regression that minimises relative errors, by weighting configs with 1 / latency^2."""

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
