"""What it costs that the C library returns freed memory to the system, in a step of training.

    python -m benchmarks.training.allocator

A step of mutual learning (MobileNetV2 of 128 px, 32 images; and the embedded default) with and
without `supernet.train.allocator`, each in a process of its own, in turns. Seconds of a step, the
median of each process, and their ratio with the range over the pairs. Writes
results/training/allocator.json.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from supernet import Supernet, TrainingJob
from supernet.job.presets import PRESETS
from supernet.models import build_model
from supernet.train.allocator import keep_freed_memory
from supernet.train.process_group import ProcessGroup
from supernet.train.step import Step

RESULT = result_file(__file__)
JOBS = ("finetune", "embedded")
NUM_WARM, NUM_STEPS, NUM_CLASSES = 4, 12, 10


def steps(job: TrainingJob) -> dict[str, float]:
    """Median seconds, system's seconds and page faults of a step of this process."""
    side, size = job.space.resolutions[0], job.hyperparameters.batch_size
    model = build_model(job.model, NUM_CLASSES, job.model_options)
    supernet = Supernet(model, torch.empty(1, 3, side, side), job.space).train()
    supernet.to(memory_format=torch.channels_last)
    counts, mean = [100] * NUM_CLASSES, (0.5, 0.5, 0.5)
    step = Step(
        supernet, supernet, job, ProcessGroup(), num_steps=10_000, class_counts=counts, mean=mean,
        std=mean,
    )  # fmt: skip
    images = torch.randint(0, 256, (size, 3, side, side), dtype=torch.uint8)
    labels = torch.randint(0, NUM_CLASSES, (size,))
    times = []
    for number in range(NUM_WARM + NUM_STEPS):
        if number == NUM_WARM:
            before = resource.getrusage(resource.RUSAGE_SELF)
        start = time.perf_counter()
        step(number, images, labels, stop=False)
        times.append(time.perf_counter() - start)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "step_s": statistics.median(times[NUM_WARM:]),
        "system_s": (after.ru_stime - before.ru_stime) / NUM_STEPS,
        "page_faults": (after.ru_minflt - before.ru_minflt) / NUM_STEPS,
        "max_resident_mib": after.ru_maxrss / 1024,
    }


def in_a_process(name: str, keeps: bool) -> dict[str, float]:
    """`steps` in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.training.allocator", "--child", name]
    done = subprocess.run([*words, str(int(keeps))], stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def compare(name: str, num_pairs: int) -> dict[str, Any]:
    """Pairs of processes, one after the other."""
    pairs = [[in_a_process(name, keeps) for keeps in (False, True)] for _ in range(num_pairs)]
    ratios = sorted(returns["step_s"] / keeps["step_s"] for returns, keeps in pairs)
    medians = {
        way: {key: statistics.median(pair[i][key] for pair in pairs) for key in pairs[0][i]}
        for i, way in enumerate(("returns", "keeps"))
    }
    return {
        "ratio": statistics.median(ratios), "lowest": ratios[0], "highest": ratios[-1], **medians
    }  # fmt: skip


def main() -> None:
    """Time both jobs, print and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--child", nargs=2, metavar=("JOB", "KEEPS"), help="one process of a pair")
    args = parser.parse_args()
    if args.child:
        name, keeps = args.child
        if int(keeps):
            keep_freed_memory()
        print(json.dumps(steps(PRESETS[name])))
        return
    found = {name: compare(name, args.pairs) for name in JOBS}
    result = {"num_pairs": args.pairs, **found, "environment": environment()}
    args.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
