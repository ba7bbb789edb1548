"""A worker of a shared search: `python search_worker.py STORAGE NUM ROLE` (tests/test_workers.py).

A real study; only the numbers are computed instead of measured, slowly enough to be killed.
"""

import sys
import time

import numpy
import torch

from nas.conversions import planner_config
from nas.evaluate.evaluation import Costs, Evaluation
from nas.search import SearchJob
from nas.search.study import Study
from planner import Accuracy, Candidate, Latency
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.models import WideResNet

EVALUATION_S = 0.2


def costs_of(config: SubnetConfig) -> Costs:
    """What a larger subnet costs, roughly."""
    ms = _size(config) ** 2
    latency = Latency(p50_ms=ms, p90_ms=ms, p99_ms=ms, p50_low_ms=ms, p50_high_ms=ms, num_samples=1)
    return Costs(macs=int(1000 * ms), num_params=1, latency=latency)


def evaluation_of(config: SubnetConfig, costs: Costs) -> Evaluation:
    """What a larger subnet gains, roughly."""
    candidate = Candidate(
        config=planner_config(config),
        origin="search",
        accuracy=Accuracy(top1=1 - 1 / (1 + _size(config)), top1_low=0.0, top1_high=1.0),
        macs=costs.macs,
        num_params=costs.num_params,
        latency=costs.latency,
    )
    return Evaluation(candidate=candidate, correct=numpy.zeros(8, dtype=bool))


def _size(config: SubnetConfig) -> float:
    return sum(config.width_mults) / len(config.width_mults) * config.resolution


def main() -> None:
    """Work until the study has NUM candidates."""
    storage, num_candidates, role = sys.argv[1:]
    space = SearchSpace(resolutions=(16, 12), groups="stage")
    supernet = Supernet(WideResNet(10, depth=10, widen=2), torch.empty(1, 3, 16, 16), space)
    job = SearchJob(role=role, num_trials=int(num_candidates))
    study = Study(supernet, storage, job, belongs_to={})
    print("ready", flush=True)
    while proposal := study.ask():
        with study.claimed(proposal):
            time.sleep(EVALUATION_S)
            assert proposal.costs is not None or role != "accuracy"
            costs = proposal.costs or costs_of(proposal.config)
        if role == "latency":
            study.hand_over(proposal, costs)
        elif told := study.tell(proposal, evaluation_of(proposal.config, costs)):
            print(told.candidate.config_id, flush=True)


if __name__ == "__main__":
    main()
