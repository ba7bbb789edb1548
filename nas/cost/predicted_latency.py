"""Predicted latency: a model of the target, trained during a search on its measurements."""

import sys

import numpy as np
from torch import nn

from nas.conversions import subnet_config
from nas.cost.layers import layer_costs
from nas.cost.predictor import MIN_CONFIGS, LatencyPredictor
from planner import Candidate, Latency
from supernet import Supernet

REFIT_GROWTH = 1.25
"""A model that is not good enough is refitted after this factor more configs are measured."""


class PredictedLatency:
    """Learns from measured candidates, and predicts once a fitted model is good enough.

    Args:
        supernet: the supernet that is searched.
        measured: candidates to learn from at the start.
        predict_after: number of measured candidates before the first fit.
    """

    def __init__(
        self, supernet: Supernet, measured: list[Candidate], *, predict_after: int
    ) -> None:
        self._next_fit = max(predict_after, MIN_CONFIGS)
        self._costs: list[list[float]] = []
        self._latencies: list[Latency] = []
        self._predictor: LatencyPredictor | None = None
        for candidate in measured:
            self.learn(supernet.extract(subnet_config(candidate)), candidate)

    def learn(self, network: nn.Module, candidate: Candidate) -> None:
        """Add a candidate with measured latency; fit a model when there are enough of them."""
        if candidate.latency.kind != "measured":
            return
        self._costs.append(layer_costs(network, candidate.config.resolution))
        self._latencies.append(candidate.latency)
        if self._predictor is None and len(self._latencies) >= self._next_fit:
            self._fit()

    def latency(self, network: nn.Module, resolution: int) -> Latency | None:
        """Predicted latency of `network`; None while there is no good model."""
        if self._predictor is None:
            return None
        p50, low, high = self._predictor.predict(layer_costs(network, resolution))
        return Latency(
            p50_ms=p50,
            p90_ms=p50 * self._median_ratio("p90_ms"),
            p99_ms=p50 * self._median_ratio("p99_ms"),
            p50_low_ms=low,
            p50_high_ms=high,
            num_samples=0,
            kind="predicted",
        )

    def _fit(self) -> None:
        latencies = [latency.p50_ms for latency in self._latencies]
        predictor = LatencyPredictor(self._costs, latencies)
        found = predictor.quality
        if found.is_good:
            self._predictor = predictor
        self._next_fit = int(len(latencies) * REFIT_GROWTH) + 1
        print(
            f"latency model of {found.num_configs} configs: {found.within_5:.0%} within 5 %, "
            f"{found.within_10:.0%} within 10 %, rank correlation {found.rank_correlation:.3f} "
            f"(cross-validated): "
            f"{'in use' if found.is_good else 'not good enough, still measuring'}",
            file=sys.stderr,
        )

    def _median_ratio(self, name: str) -> float:
        """Median ratio of a latency percentile to p50, over the measured candidates."""
        return float(np.median([getattr(each, name) / each.p50_ms for each in self._latencies]))
