"""One width for the whole network, or one for each stage: what the embedded default gains or loses.

    python -m benchmarks.training.width_groups

Trains the embedded default twice, same seed and steps, with `--groups one` and with `--groups
stage`; then scores both on `report`: the uniform widths that both have, and the same configs with a
random width for each stage. Writes results/training/width_groups.json; a training goes on where
it was stopped.
"""

import argparse
import json
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from supernet import SubnetConfig, Supernet, TrainingJob, load_data, load_supernet
from supernet.evaluate.accuracy import Images, accuracy, calibrated_subnet
from supernet.job.execution import Execution
from supernet.train.training import train

RESULTS = result_file(__file__)
UNIFORM = (1.0, 0.75, 0.5, 0.25)
NUM_RANDOM = 16


def measure(job: TrainingJob, run: Path) -> dict[str, Any]:
    """Train `job`, score its subnets; mean top1 of the random ones."""
    train(job, run, Execution(device="cpu"), resume=True)
    model = load_supernet(run)[0].model
    side = job.space.resolutions[0]
    supernet = Supernet(model, torch.empty(1, 3, side, side), replace(job.space, groups="stage"))
    images = Images(load_data(job.data, resolution=side, seed=job.seed), torch.device("cpu"))

    def top1(config: SubnetConfig) -> float:
        network = calibrated_subnet(supernet, config, images)
        return accuracy(network, images.batches("report", config.resolution)).top1

    space, rng = supernet.space, random.Random(0)
    sides = space.resolutions
    uniform = [space.uniform(w, s) for w in UNIFORM for s in (sides[0], sides[-1])]
    drawn = [
        SubnetConfig(width_mults=space.random_widths(rng), resolution=sides[i % len(sides)])
        for i in range(NUM_RANDOM)
    ]
    found = {config.config_id: top1(config) for config in uniform + drawn}
    return {
        "num_widths": space.num_groups,
        "top1": found,
        "mean_top1_uniform": round(sum(found[c.config_id] for c in uniform) / len(uniform), 4),
        "mean_top1_random": round(sum(found[c.config_id] for c in drawn) / len(drawn), 4),
    }


def main() -> int:
    """Train and score both."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training.width_groups",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for the two runs")
    parser.add_argument("--groups", nargs="+", choices=("one", "stage"), default=("one", "stage"))
    args = parser.parse_args()
    job = TrainingJob()
    for groups in args.groups:
        mine = replace(job, space=replace(job.space, groups=groups))
        found = measure(mine, args.work / groups)
        document = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"groups": {}}
        document["groups"][groups] = found
        document |= {"num_images": 2000, "environment": environment()}
        RESULTS.write_text(json.dumps(document, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
