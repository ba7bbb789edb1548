"""Candidates of a real supernet with the latencies of a made-up target."""

from random import Random

import pytest
import torch

from nas.conversions import subnet_config
from nas.cost.macs import count_macs
from nas.cost.predicted_latency import PredictedLatency
from planner import Candidate
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.models.wide_resnet import WideResNet


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    space = SearchSpace(resolutions=(16, 12, 8), groups="layer")
    return Supernet(WideResNet(4, depth=10, widen=1).eval(), torch.zeros(1, 3, 16, 16), space)


def measured(supernet: Supernet, template: Candidate, num: int) -> list[Candidate]:
    """Different configs; a MAC takes a nanosecond, and a run 0.1 ms more."""
    rng, found = Random(0), list[Candidate]()
    for _ in range(num):
        resolution = rng.choice(supernet.space.resolutions)
        config = SubnetConfig(width_mults=supernet.space.random_widths(rng), resolution=resolution)
        ms = 0.1 + 1e-6 * count_macs(supernet.extract(config), resolution)
        found.append(
            template.with_values(
                config_id=config.config_id,
                width_mults=config.width_mults,
                resolution=resolution,
                latency_p50_low_ms=0.99 * ms,
                latency_p50_ms=ms,
                latency_p50_high_ms=1.01 * ms,
                latency_p90_ms=1.2 * ms,
                latency_p99_ms=1.5 * ms,
            )
        )
    return found


def test_it_measures_until_it_has_seen_enough_and_then_predicts(
    supernet: Supernet, candidates: list[Candidate]
) -> None:
    *known, last, asked = measured(supernet, candidates[0], 41)
    network, side = supernet.extract(subnet_config(asked)), asked.config.resolution
    predicted = PredictedLatency(supernet, known[:39], predict_after=40)
    assert predicted.latency(network, side) is None
    predicted.learn(supernet.extract(subnet_config(last)), last)
    latency = predicted.latency(network, side)
    assert latency is not None
    assert latency.num_samples == 0
    assert latency.p50_ms == pytest.approx(asked.latency.p50_ms, rel=0.1)
    assert latency.p50_low_ms <= latency.p50_ms <= latency.p50_high_ms
    assert latency.p90_ms == pytest.approx(1.2 * latency.p50_ms)


def test_it_stays_off_where_it_would_be_wrong(
    supernet: Supernet, candidates: list[Candidate], capsys: pytest.CaptureFixture[str]
) -> None:
    known = measured(supernet, candidates[0], 40)
    rng, latencies = Random(1), [each.latency.p50_ms for each in known]
    rng.shuffle(latencies)
    names = ("p50_low", "p50", "p50_high", "p90", "p99")
    mixed = [
        each.with_values(**{f"latency_{name}_ms": ms for name in names})
        for each, ms in zip(known, latencies, strict=True)
    ]
    predicted = PredictedLatency(supernet, mixed, predict_after=30)
    assert predicted.latency(supernet.extract(supernet.space.largest), 16) is None
    assert "not good enough, still measuring" in capsys.readouterr().err


def test_predicted_candidates_teach_nothing(
    supernet: Supernet, candidates: list[Candidate]
) -> None:
    known = [each.with_values(kind="predicted") for each in measured(supernet, candidates[0], 40)]
    predicted = PredictedLatency(supernet, known, predict_after=20)
    assert predicted.latency(supernet.extract(supernet.space.largest), 16) is None
