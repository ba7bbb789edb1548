"""Belief about scores that are a smooth truth and luck."""

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
import torch

from nas.conversions import planner_config
from nas.evaluate.evaluation import Evaluation
from nas.search.belief import Belief
from nas.search.steps import Steps
from planner import Accuracy, Candidate, Latency
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.models import WideResNet

SPACE = SearchSpace(resolutions=(16, 12), groups="stage")


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    return Supernet(WideResNet(10, depth=10, widen=2), torch.empty(1, 3, 16, 16), SPACE)


def truth(config: SubnetConfig, supernet: Supernet) -> float:
    """Smooth in the channels that are kept."""
    lifted = Steps.all_of(supernet).lifted(config).width_mults
    widths = lifted * (3 // len(lifted))
    return 0.8 + 0.03 * sum(map(math.log, widths)) + 0.1 * math.log(config.resolution / 16)


def evaluation(config: SubnetConfig, top1: float) -> Evaluation:
    widths = config.width_mults * (3 // len(config.width_mults))
    ms = config.resolution**2 * sum(width**1.5 for width in widths) / 1000
    latency = Latency(p50_ms=ms, p90_ms=ms, p99_ms=ms, p50_low_ms=ms, p50_high_ms=ms, num_samples=1)
    candidate = Candidate(
        config=planner_config(config),
        origin="search",
        accuracy=Accuracy(top1=top1, top1_low=top1, top1_high=top1),
        macs=1,
        num_params=1,
        latency=latency,
    )
    return Evaluation(candidate=candidate, correct=np.ones(1, dtype=bool))


def scored(supernet: Supernet, count: int, luck: Callable[[], float]) -> list[Evaluation]:
    rng = random.Random(0)
    configs = {
        SubnetConfig(width_mults=SPACE.widths[:1], resolution=12): None,
        SubnetConfig(width_mults=(1.0,), resolution=16): None,
    }
    while len(configs) < count:
        widths = tuple(rng.choice(SPACE.widths) for _ in range(3))
        configs[SubnetConfig(width_mults=widths, resolution=rng.choice((12, 16)))] = None
    return [evaluation(config, truth(config, supernet) + luck()) for config in configs]


def test_belief_is_nearer_to_the_truth_than_the_scores(supernet: Supernet) -> None:
    rng = random.Random(1)
    evaluations = scored(supernet, 60, lambda: rng.gauss(0, 0.01))
    believed = Belief(supernet, evaluations, Steps.all_of(supernet)).top1
    errors = [
        (each.candidate.accuracy.top1 - real, believed[each.candidate.config_id] - real)
        for each in evaluations
        for real in [truth(SubnetConfig.from_id(each.candidate.config_id), supernet)]
    ]
    scores, beliefs = np.square(errors).mean(axis=0) ** 0.5
    assert beliefs < 0.6 * scores


def test_the_grids_front_is_predicted(supernet: Supernet) -> None:
    front = Belief(supernet, scored(supernet, 60, lambda: 0.0), Steps.all_of(supernet)).grid_front()
    assert len(front) > 8
    assert all(len(config.width_mults) == 1 for config in front)
    assert list(front.values()) == sorted(front.values())
    assert all(abs(top1 - truth(config, supernet)) < 0.01 for config, top1 in front.items())


def test_with_few_scores_they_are_all_that_is_believed(supernet: Supernet) -> None:
    evaluations = scored(supernet, 5, lambda: 0.0)
    belief = Belief(supernet, evaluations, Steps.all_of(supernet))
    assert belief.top1 == {
        each.candidate.config_id: each.candidate.accuracy.top1 for each in evaluations
    }
    assert belief.grid_front() == {}


def test_between_two_steps_the_grid_is_believed_to_be_the_next_step(supernet: Supernet) -> None:
    steps = Steps(widths=((0.5, 1.0), (0.25, 1.0), (0.25, 1.0)), resolutions=(12, 16))
    rng = random.Random(0)
    drawn = [
        SubnetConfig(
            width_mults=tuple(rng.choice(each) for each in steps.widths),
            resolution=rng.choice(steps.resolutions),
        )
        for _ in range(60)
    ]
    evaluations = [evaluation(each, truth(each, supernet)) for each in dict.fromkeys(drawn)]
    front = Belief(supernet, evaluations, steps).grid_front()
    assert all(top1 < 0.85 for top1 in front.values()), "nothing is extrapolated"
    assert {config.width_mults[0] for config in front} <= {0.25, 0.5, 1.0}
