import numpy as np
import pytest

from nas.cost.predictor import LatencyPredictor, quality


def target(num: int, noise: float, seed: int = 0) -> tuple[list[list[float]], list[float]]:
    """Costs of a made-up network, and its latencies on a target that adds them up."""
    rng = np.random.default_rng(seed)
    costs = rng.uniform(0.1, 1, (num, 12)) * np.geomspace(1, 1e6, 12)
    latencies = costs @ (1 / np.geomspace(1, 1e6, 12)) + 0.5
    return costs.tolist(), (latencies * np.exp(rng.normal(0, noise, num))).tolist()


def test_a_sum_over_layers_is_learned() -> None:
    costs, latencies = target(120, 0.01)
    model = LatencyPredictor(costs[:60], latencies[:60])
    predicted = [model.predict(cost) for cost in costs[60:]]
    found = quality(latencies[60:], [p for p, _, _ in predicted])
    assert found.within_5 >= 0.95
    assert found.rank_correlation > 0.98
    held = [low <= y <= high for y, (_, low, high) in zip(latencies[60:], predicted, strict=True)]
    assert np.mean(held) >= 0.85
    assert model.quality.is_good


def layered(num: int, noise: float, seed: int) -> tuple[list[list[float]], list[float]]:
    """More costs than configs, but five widths and a resolution behind all of them."""
    fixed, rng = np.random.default_rng(8), np.random.default_rng(seed)
    widths, sides = rng.uniform(0.4, 1, (num, 5)), rng.choice([0.5, 0.67, 0.83, 1.0], (num, 1))
    inputs, outputs = fixed.integers(5, size=(2, 212))
    costs = widths[:, inputs] * widths[:, outputs] * sides ** fixed.integers(1, 3, 212)
    latencies = costs @ fixed.uniform(0, 1 / 212, 212) + 0.1
    return costs.tolist(), (latencies * np.exp(rng.normal(0, noise, num))).tolist()


def test_nineteen_in_twenty_lie_in_the_interval_though_layers_outnumber_configs() -> None:
    shares = []
    for seed in range(3):
        costs, latencies = layered(260, 0.03, seed)
        model = LatencyPredictor(costs[:60], latencies[:60])
        ends = [model.predict(cost)[1:] for cost in costs[60:]]
        shares.append(
            np.mean([low <= y <= high for y, (low, high) in zip(latencies[60:], ends, strict=True)])
        )
    assert min(shares) >= 0.9
    assert np.mean(shares) >= 0.94


def test_its_own_error_is_that_on_configs_it_has_not_seen() -> None:
    costs, latencies = target(60, 0.08)
    model = LatencyPredictor(costs, latencies)
    more_costs, more_latencies = target(400, 0.08, seed=1)
    seen = quality(more_latencies, [model.predict(cost)[0] for cost in more_costs])
    assert model.quality.within_10 == pytest.approx(seen.within_10, abs=0.12)


def test_it_stays_off_where_costs_say_nothing_of_latency() -> None:
    costs, latencies = target(60, 0.0)
    np.random.default_rng(0).shuffle(latencies)
    assert not LatencyPredictor(costs, latencies).quality.is_good


def test_it_stays_off_with_few_configs() -> None:
    costs, latencies = target(15, 0.0)
    assert not LatencyPredictor(costs, latencies).quality.is_good


def test_quality_counted_by_hand() -> None:
    found = quality([1.0, 2.0, 4.0, 8.0], [1.04, 2.18, 4.0, 7.0])
    assert (found.within_5, found.within_10, found.rank_correlation) == (0.5, 0.75, 1.0)
