"""Two gloo processes against one with the doubled batch."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.multiprocessing.spawn import start_processes

from supernet.checkpoint import load_supernet
from supernet.errors import SupernetError
from supernet.job.execution import Execution
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.training_job import TrainingJob
from supernet.space import SearchSpace
from supernet.train.process_group import ProcessGroup
from supernet.train.state import read_state
from supernet.train.training import train

ROOT = Path(__file__).parents[3]
SLOW = pytest.mark.slow
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


def two_processes(job: TrainingJob, run: Path | str, *fault: str) -> tuple[int, str]:
    """Train as a user would on two devices; return exit code and stderr."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    workers = str(ROOT / "tests" / "workers")
    done = subprocess.run(
        [*torchrun, str(MEMBER), json.dumps(job.to_json()), str(run), *fault],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{workers}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("group") / "two"
    code, errors = two_processes(JOB, run)
    assert code == 0, errors
    return run


@SLOW
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


@SLOW
def test_each_step_sends_its_gradients_once(together: Path) -> None:
    supernet, _ = load_supernet(together)
    parameters = list(supernet.parameters())
    # Gradients, whether there is one for each parameter, losses, stop.
    num_numbers = sum(p.numel() for p in parameters) + len(parameters) + 3 + 1
    num_steps = 5
    for rank in (0, 1):
        sizes = (together / f"messages{rank}").read_text().split()
        assert sizes.count(str(num_numbers)) == num_steps
        # All others are BN's: two of at most 64 channels a layer and pass.
        assert max(int(size) for size in sizes if size != str(num_numbers)) <= 64


def test_alone_nothing_is_averaged() -> None:
    parameter, values = torch.nn.Parameter(torch.ones(3)), torch.ones(2)
    ProcessGroup().average_gradients([parameter], values)
    ProcessGroup().check_same({"step": "1"}, "never")
    ProcessGroup().wait()
    assert ProcessGroup().is_first
    assert parameter.grad is None
    assert torch.equal(values, torch.ones(2))


def random_job(network: str, **hyper: Any) -> TrainingJob:
    return replace(
        JOB,
        model=f"random_networks:{network}",
        model_options={},
        hyperparameters=Hyperparameters(batch_size=1000, **hyper),
    )


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(random_job("one_of_two"), marks=SLOW, id="branches"),
        pytest.param(random_job("stochastic_depth"), marks=SLOW, id="skipped"),
        pytest.param(random_job("thawing"), marks=SLOW, id="thawing"),
        pytest.param(
            random_job("stochastic_depth", sync_bn=True, dtype="bfloat16", accumulate=2),
            marks=SLOW,
            id="skipped-sync_bn-bfloat16",
        ),
    ],
)
def test_layers_skipped_at_random_keep_the_processes_equal(
    job: TrainingJob, tmp_path: Path
) -> None:
    """Equal weights are checked after each epoch and at the end: see the next test but one."""
    code, errors = two_processes(job, tmp_path / "run")
    assert code == 0, errors
    sizes = [(tmp_path / "run" / f"messages{rank}").read_text().split() for rank in (0, 1)]
    assert sizes[0] == sizes[1]


def exchange(rank: int, folder: str) -> None:
    """One of three processes, of which each lacks other gradients, and all lack the last."""
    dist.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=3)
    dtypes = (torch.float32, torch.bfloat16, torch.float64, torch.float32)
    parameters = [nn.Parameter(torch.zeros(2, n + 1, dtype=d)) for n, d in enumerate(dtypes)]
    for number, parameter in enumerate(parameters[:3]):
        if number != rank:
            parameter.grad = torch.full_like(parameter, 3 * 2.0**rank)
    values = torch.tensor([float(rank), 1.0])
    ProcessGroup(rank, 3).average_gradients(parameters, values)
    assert values.tolist() == [1.0, 1.0]
    assert parameters[3].grad is None
    for number, mean in enumerate((6.0, 5.0, 3.0)):  # of 2^rank, summed, where there is one
        gradient = parameters[number].grad
        assert gradient is not None
        assert gradient.dtype == dtypes[number]
        assert torch.equal(gradient, torch.full_like(gradient, mean))
    dist.destroy_process_group()


@SLOW
def test_a_gradient_that_a_process_lacks_counts_as_zero(tmp_path: Path) -> None:
    start_processes(exchange, (str(tmp_path),), nprocs=3, start_method="spawn")


def lose_one(rank: int, folder: str) -> None:
    """One of two processes, of which the second ends without a word."""
    dist.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    group, parameter = ProcessGroup(rank, 2), nn.Parameter(torch.zeros(2))
    group.wait()
    if rank == 1:
        os._exit(0)
    for meet in (
        group.wait,
        lambda: group.check_same({"step": "1"}, "never"),
        lambda: group.average_gradients([parameter], torch.zeros(1)),
    ):
        with pytest.raises(SupernetError, match="must go on, but one has ended") as raised:
            meet()
        assert "\n" not in str(raised.value)
        assert len(str(raised.value)) < 200


@SLOW
def test_a_process_that_ended_is_one_line_in_the_others(tmp_path: Path) -> None:
    start_processes(lose_one, (str(tmp_path),), nprocs=2, start_method="spawn")


@SLOW
def test_processes_whose_weights_drift_apart_are_stopped(tmp_path: Path) -> None:
    code, errors = two_processes(JOB, tmp_path / "run", "drift", "3")
    assert code != 0
    assert "all processes must have the same weights after step 5, but process 0 has" in errors
    assert not (tmp_path / "run" / "supernet" / "supernet.json").exists()


@SLOW
@pytest.mark.parametrize(("fault", "resumed_at"), [("kill", 3), ("save", 2)])
def test_killed_processes_go_on_together_with_the_same_bits(
    fault: str, resumed_at: int, together: Path, tmp_path: Path
) -> None:
    """Killed at a step's start, and between the two renames of the save after that step."""
    assert two_processes(JOB, tmp_path / "run", fault, "3")[0] != 0
    assert read_state(tmp_path / "run" / "supernet" / "last").num_steps_done == resumed_at
    code, errors = two_processes(JOB, tmp_path / "run")
    assert code == 0, errors
    assert "goes on from the one before" not in errors  # the newest state is never missing
    weights = [
        (folder / "supernet" / "weights.safetensors").read_bytes()
        for folder in (together, tmp_path / "run")
    ]
    assert weights[0] == weights[1]


@SLOW
def test_processes_that_do_not_share_the_folder_are_refused(tmp_path: Path) -> None:
    code, errors = two_processes(JOB, tmp_path / "run{rank}")
    assert code != 0
    assert "choose an --out in a folder that all processes share" in errors


@SLOW
def test_a_resume_where_only_one_process_finds_the_state_is_refused(tmp_path: Path) -> None:
    """Process 0 would go on at step 3, process 1 begin with fresh weights."""
    one = replace(JOB.hyperparameters, sync_bn=False)
    stopped = [sys.executable, str(MEMBER), json.dumps(replace(JOB, hyperparameters=one).to_json())]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RANK": "0"}
    command = [*stopped, str(tmp_path / "run0"), "kill", "3"]
    subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True)
    code, errors = two_processes(replace(JOB, hyperparameters=one), tmp_path / "run{rank}")
    assert code != 0
    assert "all processes must have the same step, but process 0 has 3 and process 1 0" in errors
