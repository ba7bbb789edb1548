"""A worker of benchmarks/search/storage_speed.py: evaluates nothing, as often as it can.

    python -m benchmarks.search.storage_worker STORAGE SECONDS

A study as a search has it, whose sampler draws at random. The worker prints "ready", waits for a
line on its standard input, and prints how many trials it has completed in the seconds after it.
"""

import argparse
import sys
import time
from zlib import crc32

import numpy
import torch

from nas.conversions import planner_config
from nas.evaluate.evaluation import Evaluation
from nas.search import SearchJob
from nas.search.study import Study
from planner import Accuracy, Candidate, Latency
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.models import WideResNet

NUM_IMAGES = 2000
"""Of `selection`: their bits are stored with each trial."""


def nothing_measured(config: SubnetConfig) -> Evaluation:
    """An evaluation that took no time; its numbers depend on the config and mean nothing."""
    value = crc32(config.config_id.encode()) / 2**32 + 0.01
    latency = Latency(
        p50_ms=value,
        p90_ms=value,
        p99_ms=value,
        p50_low_ms=value,
        p50_high_ms=value,
        num_samples=1,
    )
    candidate = Candidate(
        config=planner_config(config),
        origin="search",
        accuracy=Accuracy(top1=0.5, top1_low=0.4, top1_high=0.6),
        macs=int(1e6 * value),
        num_params=1,
        latency=latency,
    )
    return Evaluation(candidate=candidate, correct=numpy.zeros(NUM_IMAGES, dtype=bool))


def open_study(storage: str) -> Study:
    """The study that all workers share; its space has more configs than a minute can use up."""
    space = SearchSpace(resolutions=tuple(range(32, 15, -1)), groups="stage", divisor=4)
    supernet = Supernet(WideResNet(10, depth=10, widen=4), torch.empty(1, 3, 32, 32), space)
    job = SearchJob(sampler="random", num_trials=10**9)
    return Study(supernet, storage, job, belongs_to={})


def work(study: Study, seconds: float) -> int:
    """Complete trials for so many seconds; return how many."""
    end, num_done = time.monotonic() + seconds, 0
    while time.monotonic() < end and (proposal := study.ask()):
        with study.claimed(proposal):
            evaluation = nothing_measured(proposal.config)
        num_done += study.tell(proposal, evaluation) is not None
    return num_done


def main() -> None:
    """Take part in a measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("storage")
    parser.add_argument("seconds", type=float)
    args = parser.parse_args()
    torch.set_num_threads(1)
    study = open_study(args.storage)
    print("ready", flush=True)
    sys.stdin.readline()
    print(work(study, args.seconds), flush=True)


if __name__ == "__main__":
    main()
