"""A worker of a shared search, for tests/test_workers.py: `python search_worker.py STORAGE NUM`.

A real study; only the numbers are computed instead of measured, slowly enough to be killed.
"""

import sys
import time

import numpy
import torch

from nas.limits import Limits
from nas.scored import Scored
from nas.study import Study
from planner import Candidate
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.models import WideResNet

EVALUATION_S = 0.2


def evaluate(config: SubnetConfig, origin: str) -> Scored:
    """What a larger subnet costs and gains, roughly."""
    time.sleep(EVALUATION_S)
    size = sum(config.width_mults) / len(config.width_mults) * config.resolution
    candidate = Candidate(
        config_id=config.config_id,
        origin=origin,
        width_mults=config.width_mults,
        resolution=config.resolution,
        top1=1 - 1 / (1 + size),
        top1_low=0.0,
        top1_high=1.0,
        macs=int(1000 * size**2),
        num_params=1,
        latency_p50_ms=size**2,
        latency_p90_ms=size**2,
        latency_p99_ms=size**2,
        latency_p50_low_ms=size**2,
        latency_p50_high_ms=size**2,
        num_samples=1,
        kind="measured",
    )
    return Scored(candidate=candidate, right=numpy.zeros(8, dtype=bool))


def main() -> None:
    """Work until the study has NUM candidates."""
    space = SearchSpace(resolutions=(16, 12), groups="stage")
    supernet = Supernet(WideResNet(10, depth=10, widen=2), torch.empty(1, 3, 16, 16), space)
    study = Study(supernet, sys.argv[1], belongs_to={}, limits=Limits(), seed=0)
    print("ready", flush=True)
    for candidate in study.run(evaluate, int(sys.argv[2])):
        print(candidate.config_id, flush=True)


if __name__ == "__main__":
    main()
