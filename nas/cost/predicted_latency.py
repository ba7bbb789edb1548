"""When a search predicts latencies instead of measuring them, and what it then takes for them."""

import sys

import numpy as np
from torch import nn

from nas.cost.layers import layer_costs
from nas.cost.predictor import MIN_CONFIGS, LatencyPredictor
from nas.meter.latency import Latency
from planner import Candidate
from supernet import SubnetConfig, Supernet

MORE = 1.25
"""A model that was not good enough is tried again with this many times as many configs."""


class StandIn:
    """Learns from measured candidates; predicts once it has seen enough and is good enough."""

    def __init__(
        self, supernet: Supernet, measured: list[Candidate], *, predict_after: int
    ) -> None:
        self._wanted = max(predict_after, MIN_CONFIGS)
        self._costs: list[list[float]] = []
        self._candidates: list[Candidate] = []
        self._predictor: LatencyPredictor | None = None
        for candidate in measured:
            config = SubnetConfig(
                width_mults=candidate.width_mults, resolution=candidate.resolution
            )
            self.learn(supernet.extract(config), candidate)

    def learn(self, network: nn.Module, candidate: Candidate) -> None:
        """Take note of a measured candidate and its network; fit again when there are enough."""
        if candidate.kind != "measured":
            return
        self._costs.append(layer_costs(network, candidate.resolution))
        self._candidates.append(candidate)
        if self._predictor is None and len(self._candidates) >= self._wanted:
            self._fit()

    def latency(self, network: nn.Module, resolution: int) -> Latency | None:
        """What the model predicts, with `num_samples` 0; None while it must be measured."""
        if self._predictor is None:
            return None
        p50, low, high = self._predictor.predict(layer_costs(network, resolution))
        return Latency(
            p50_ms=p50,
            p90_ms=p50 * self._usual_ratio("latency_p90_ms"),
            p99_ms=p50 * self._usual_ratio("latency_p99_ms"),
            p50_low_ms=low,
            p50_high_ms=high,
            num_samples=0,
        )

    def _fit(self) -> None:
        latencies = [candidate.latency_p50_ms for candidate in self._candidates]
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

    def _usual_ratio(self, name: str) -> float:
        """How far a percentile lies above the median among the measured, at least not below it."""
        ratios = [getattr(c, name) / c.latency_p50_ms for c in self._candidates]
        return float(np.median(ratios))
