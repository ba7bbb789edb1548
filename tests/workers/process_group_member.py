"""One of several training processes: `torchrun ... process_group_member.py JOB RUN [FAULT]`.

Trains the job, given as JSON, into RUN, in which {rank} stands for the process's number, and writes
the number of elements of each all-reduce of this process. FAULT is what goes wrong: `kill STEP`
kills all processes as by kill -9, `save STEP` kills them while the state after it is being saved,
between its two renames, and `drift STEP` changes a weight in process 1 alone.
For tests/supernet/train/test_process_group.py.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from supernet.job.execution import Execution
from supernet.job.training_job import TrainingJob
from supernet.train.step import Step, StepResult
from supernet.train.training import train


def main() -> None:
    """Train, and count."""
    rank = os.environ["RANK"]
    job = TrainingJob.from_json(json.loads(sys.argv[1]))
    run = Path(sys.argv[2].format(rank=rank))
    sizes: list[int] = []
    all_reduce = dist.all_reduce

    def counted(tensor: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        sizes.append(tensor.numel())
        return all_reduce(tensor, *arguments, **options)

    dist.all_reduce = counted
    if len(sys.argv) > 3:
        _provide_fault(sys.argv[3], int(sys.argv[4]), int(rank))
    every_step = Execution(device="cpu", evaluate_every=0, save_every_s=0)
    train(job, run, every_step, resume=True)
    (run / f"messages{rank}").write_text(" ".join(map(str, sizes)))


def _provide_fault(fault: str, at: int, rank: int) -> None:
    one_step = Step.__call__

    def faulty(self: Step, step: int, *arguments: Any, **options: Any) -> StepResult:
        if step == at and fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if step == at and fault == "drift" and rank == 1:
            with torch.no_grad():
                next(self.supernet.parameters()).add_(1e-6)
        return one_step(self, step, *arguments, **options)

    Step.__call__ = faulty  # type: ignore[method-assign]
    if fault == "save":
        _die_between_renames(at)


def _die_between_renames(at: int) -> None:
    replace, num_saves = Path.replace, 0

    def dying(path: Path, target: Path) -> Path:
        nonlocal num_saves
        if target.name == "state.safetensors":
            if num_saves == at:  # the first save is that of step 0
                os.kill(os.getpid(), signal.SIGKILL)
            num_saves += 1
        return replace(path, target)

    Path.replace = dying  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    main()
