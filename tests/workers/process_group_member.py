"""One of several training processes: `torchrun ... process_group_member.py JOB RUN`.

Trains the job, given as JSON, and writes the number of elements of each all-reduce of this process.
For tests/supernet/train/test_process_group.py.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from supernet.job.execution import Execution
from supernet.job.training_job import TrainingJob
from supernet.train.training import train


def main() -> None:
    """Train, and count."""
    job, run = TrainingJob.from_json(json.loads(sys.argv[1])), Path(sys.argv[2])
    sizes: list[int] = []
    all_reduce = dist.all_reduce

    def counted(tensor: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        sizes.append(tensor.numel())
        return all_reduce(tensor, *arguments, **options)

    dist.all_reduce = counted
    train(job, run, Execution(device="cpu", evaluate_every=0), resume=True)
    (run / f"messages{os.environ['RANK']}").write_text(" ".join(map(str, sizes)))


if __name__ == "__main__":
    main()
