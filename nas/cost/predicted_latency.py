"""Predicted latency: a model of the target that learns while a search measures."""

import sys

import numpy as np
from torch import nn

from nas.conversions import subnet_config
from nas.cost.layers import layer_costs
from nas.cost.predictor import MIN_CONFIGS, LatencyPredictor
from planner import Candidate, Latency
from supernet import Supernet

MORE = 1.25
"""A model that was not good enough is tried again with this many times as many configs."""


class PredictedLatency:
    """Learns from measured candidates; predicts once it has seen enough and is good enough.

    Args:
        supernet: whose subnets are measured.
        measured: candidates to learn from at once.
        predict_after: measured candidates before the first model is fitted.
    """

    def __init__(
        self, supernet: Supernet, measured: list[Candidate], *, predict_after: int
    ) -> None:
        self._wanted = max(predict_after, MIN_CONFIGS)
        self._costs: list[list[float]] = []
        self._latencies: list[Latency] = []
        self._predictor: LatencyPredictor | None = None
        for candidate in measured:
            self.learn(supernet.extract(subnet_config(candidate)), candidate)

    def learn(self, network: nn.Module, candidate: Candidate) -> None:
        """Learn from a candidate, if it was measured; fit a model when there are enough."""
        if candidate.latency.kind != "measured":
            return
        self._costs.append(layer_costs(network, candidate.config.resolution))
        self._latencies.append(candidate.latency)
        if self._predictor is None and len(self._latencies) >= self._wanted:
            self._fit()

    def latency(self, network: nn.Module, resolution: int) -> Latency | None:
        """The model's prediction; None while latency must be measured."""
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
        self._wanted = int(len(latencies) * MORE) + 1
        print(
            f"latency model of {found.num_configs} configs: {found.within_5:.0%} within 5 %, "
            f"{found.within_10:.0%} within 10 %, rank correlation {found.rank_correlation:.3f} "
            f"(cross-validated): {'on' if found.is_good else 'not good enough, measuring on'}",
            file=sys.stderr,
        )

    def _median_ratio(self, name: str) -> float:
        """How far a percentile lies above the median, in the median over what was measured."""
        return float(np.median([getattr(each, name) / each.p50_ms for each in self._latencies]))
