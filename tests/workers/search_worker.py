"""A worker of a shared search: `python search_worker.py STORAGE NUM ROLE` (tests/test_workers.py).

A real study; only the numbers are computed instead of measured, slowly enough to be killed.
"""

import sys
import time

import numpy
import torch

from nas.evaluate.evaluation import Costs, Scored
from nas.search.limits import Limits
from nas.search.study import Study
from planner import Candidate
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.models import WideResNet

EVALUATION_S = 0.2


def costs(config: SubnetConfig) -> Costs:
    """What a larger subnet costs, roughly."""
    size = _size(config)
    latencies = ("p50", "p90", "p99", "p50_low", "p50_high")
    return {
        "macs": int(1000 * size**2),
        "num_params": 1,
        "num_samples": 1,
        "kind": "measured",
        **{f"latency_{name}_ms": size**2 for name in latencies},
    }


def scored(config: SubnetConfig, origin: str, costs: Costs) -> Scored:
    """What a larger subnet gains, roughly."""
    candidate = Candidate.from_values(
        config_id=config.config_id,
        origin=origin,
        width_mults=config.width_mults,
        resolution=config.resolution,
        top1=1 - 1 / (1 + _size(config)),
        top1_low=0.0,
        top1_high=1.0,
        **costs,
    )
    return Scored(candidate=candidate, right=numpy.zeros(8, dtype=bool))


def _size(config: SubnetConfig) -> float:
    return sum(config.width_mults) / len(config.width_mults) * config.resolution


def main() -> None:
    """Work until the study has NUM candidates."""
    storage, num_candidates, role = sys.argv[1:]
    space = SearchSpace(resolutions=(16, 12), groups="stage")
    supernet = Supernet(WideResNet(10, depth=10, widen=2), torch.empty(1, 3, 16, 16), space)
    study = Study(supernet, storage, belongs_to={}, limits=Limits(), seed=0, role=role)

    def evaluate(config: SubnetConfig, origin: str) -> Scored | Costs:
        time.sleep(EVALUATION_S)
        if role == "latency":
            return costs(config)
        known = study.costs_of(config)
        assert known is not None or role == "all"
        return scored(config, origin, known or costs(config))

    print("ready", flush=True)
    for candidate in study.run(evaluate, int(num_candidates)):
        print(candidate.config_id, flush=True)


if __name__ == "__main__":
    main()
