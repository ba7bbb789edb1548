from dataclasses import replace

import numpy as np
import pytest
import torch

from nas.conversions import planner_config
from nas.evaluate.constraint import Constraint
from nas.evaluate.evaluation import Evaluation
from nas.search import forecast
from nas.search.forecast import conflict
from nas.search.steps import Steps
from planner import Accuracy, Candidate, Latency
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.models import WideResNet


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    space = SearchSpace(resolutions=(16, 12), groups="stage")
    return Supernet(WideResNet(10, depth=10, widen=2), torch.empty(1, 3, 16, 16), space)


def evaluated(config: SubnetConfig) -> Evaluation:
    """A smooth space: the largest config takes 10 ms for 0.9, a tenth of it is worth 0.05 less."""
    size = sum(config.width_mults) / len(config.width_mults) * (config.resolution / 16)
    ms = 10 * size**2
    latency = Latency(p50_ms=ms, p90_ms=ms, p99_ms=ms, p50_low_ms=ms, p50_high_ms=ms, num_samples=1)
    top1 = 0.9 + 0.05 * float(np.log10(size**2))
    candidate = Candidate(
        config=planner_config(config),
        origin="search",
        accuracy=Accuracy(top1=top1, top1_low=0.0, top1_high=1.0),
        macs=int(1e6 * ms),
        num_params=1,
        latency=latency,
    )
    return Evaluation(candidate=candidate, correct=np.zeros(1, dtype=bool))


@pytest.fixture(scope="module")
def evaluations(supernet: Supernet) -> list[Evaluation]:
    rng, steps = np.random.default_rng(0), Steps.all_of(supernet)
    configs = [
        SubnetConfig(
            width_mults=tuple(float(rng.choice(each)) for each in steps.widths),
            resolution=int(rng.choice(steps.resolutions)),
        )
        for _ in range(20)
    ]
    return [*map(evaluated, [*configs, supernet.space.largest, supernet.space.smallest])]


@pytest.mark.parametrize("most", [100_000, 200])
def test_constraints_that_exclude_each_other_are_told_with_what_can_be_had(
    supernet: Supernet,
    evaluations: list[Evaluation],
    most: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forecast, "MAX_CONFIGS", most)
    both = [Constraint("top1", 0.89), Constraint("latency_p50_ms", 4.0)]
    line = conflict(supernet, evaluations, Steps.all_of(supernet), both)
    assert line is not None
    assert line.startswith(
        "after 22 candidates no config is believed to keep top1>=0.89 and latency_p50_ms<=4: "
        "latency_p50_ms<=4 allows top1 0.8"
    )
    assert "; top1>=0.89 needs latency_p50_ms 6" in line
    assert line.endswith("; the search goes on")


def test_nothing_is_told_where_a_config_keeps_all_or_too_little_is_known(
    supernet: Supernet, evaluations: list[Evaluation]
) -> None:
    steps = Steps.all_of(supernet)
    both = [Constraint("top1", 0.87), Constraint("latency_p50_ms", 4.0)]
    assert conflict(supernet, evaluations, steps, both) is None
    assert conflict(supernet, evaluations, steps, []) is None
    tight = [replace(both[0], bound=1.0)]
    assert conflict(supernet, evaluations[:11], steps, tight) is None
    assert conflict(supernet, evaluations[:12], steps, tight) is not None
