"""Two gloo processes against one with the doubled batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from supernet.checkpoint import load_supernet
from supernet.job.execution import Execution
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.training_job import TrainingJob
from supernet.space import SearchSpace
from supernet.train.process_group import ProcessGroup
from supernet.train.training import train

ROOT = Path(__file__).parents[3]
MEMBER = ROOT / "tests" / "workers" / "process_group_member.py"
JOB = TrainingJob(
    model="wide_resnet",
    model_options={"depth": 10, "widen": 1, "stem_stride": 2},
    hyperparameters=Hyperparameters(batch_size=2000, sync_bn=True),
    space=SearchSpace(resolutions=(12, 8)),
    epochs=1,
)


def losses(run: Path) -> list[float]:
    row = (run / "supernet" / "metrics.csv").read_text().splitlines()[1]
    return [float(value) for value in row.split(",")[3:7]]


def two_processes(run: Path) -> None:
    """Train JOB as its user would on two devices."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*torchrun, str(MEMBER), json.dumps(JOB.to_json()), str(run)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("group") / "two"
    two_processes(run)
    return run


def test_two_processes_give_the_losses_of_one_with_the_doubled_batch(
    together: Path, tmp_path: Path
) -> None:
    train(JOB, tmp_path, Execution(evaluate_every=0))
    # After the first step they agree to 2e-7; rounding errors grow with each further one, just as
    # much when one process alone computes BN by SyncBatchNorm's formula.
    assert losses(together) == pytest.approx(losses(tmp_path), abs=1e-4)
    ours, _ = load_supernet(tmp_path)
    theirs, _ = load_supernet(together)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-3)


def test_each_step_sends_its_gradients_once(together: Path) -> None:
    supernet, _ = load_supernet(together)
    num_numbers = sum(p.numel() for p in supernet.parameters()) + 3 + 1  # losses, stop
    num_steps = 5
    for rank in (0, 1):
        sizes = (together / f"messages{rank}").read_text().split()
        assert sizes.count(str(num_numbers)) == num_steps
        # All others are BN's: two of at most 64 channels a layer and pass.
        assert max(int(size) for size in sizes if size != str(num_numbers)) <= 64


def test_alone_nothing_is_averaged() -> None:
    tensor = torch.ones(3)
    ProcessGroup().average([tensor])
    ProcessGroup().wait()
    assert ProcessGroup().is_first
    assert torch.equal(tensor, torch.ones(3))
