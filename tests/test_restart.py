"""kill -9 in the middle, then the same command: real processes, real files."""

import contextlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from planner import read_candidates
from supernet import Execution, Hyperparameters, SearchSpace, TrainingJob
from supernet.train.state import read_state
from supernet.train.training import train

TRAIN = [
    *("-m", "supernet.train", "--model", "wide_resnet"),
    *("--model-args", "depth=10", "widen=1", "stem_stride=2"),
    *("--resolutions", "12", "8", "--epochs", "6", "--batch-size", "100"),
    *("--resume", "--save-every-s", "0.2"),
]
SEARCH = ["-m", "nas.search", "--num-threads", "1", "--trials", "16", "--allow-noisy"]
TIMEOUT_S = 120.0


def start(arguments: list[str], run: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, *arguments, "--out", str(run)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def finish(arguments: list[str], run: Path) -> None:
    assert start(arguments, run).wait(TIMEOUT_S) == 0


def kill_when(process: subprocess.Popen[bytes], ready: Path, seconds_later: float) -> None:
    """kill -9 a while after `ready` appeared; the process must have been at work until then."""
    deadline = time.monotonic() + TIMEOUT_S
    while not ready.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(seconds_later)
    assert process.poll() is None, "it had ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("restart") / "whole"
    finish(TRAIN, run)
    return run


JOB = TrainingJob(
    model_options={"depth": 10, "widen": 1, "stem_stride": 2},
    hyperparameters=Hyperparameters(batch_size=50, ema_decay=0.99, mixup=0.2),
    space=SearchSpace(resolutions=(12, 8)),
    epochs=100,
)
NUM_KILLS = 30


def train_alone(run: Path, data: Path) -> None:
    """A whole process's work; every step is saved, so that kills fall into writes too."""
    torch.set_num_threads(1)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        train(
            replace(JOB, data=str(data)),
            run,
            Execution(device="cpu", save_every_s=0.0),
            resume=True,
        )


def write_images(folder: Path) -> None:
    """A few small images, so that a process is soon at its first step."""
    rng = numpy.random.default_rng(0)
    for number in range(400):
        path = folder / "train" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=numpy.uint8)).save(path)


@pytest.mark.slow
def test_thirty_kills_at_random_moments_end_with_the_same_bits(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["supernet.train"])
    rng = random.Random(0)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    write_images(tmp_path / "data")
    state = killed / "supernet" / "last" / "state.safetensors"

    def begin(run: Path) -> BaseProcess:
        process = context.Process(target=train_alone, args=(run, tmp_path / "data"), daemon=True)
        process.start()
        return process

    def version() -> tuple[int, int] | None:
        return (state.stat().st_ino, state.stat().st_mtime_ns) if state.exists() else None

    steps = set()
    for _ in range(NUM_KILLS):
        process = begin(killed)
        for _ in range(rng.randint(2, 9)):  # steps, the first of which saves what it began with
            before = version()
            while process.is_alive() and version() == before:
                time.sleep(0.005)
        time.sleep(rng.uniform(0.0, 0.1))
        assert process.is_alive(), "it had ended before it could be killed"
        process.kill()
        process.join()
        steps.add(read_state(state.parent).num_steps_done)
    assert len(steps) > NUM_KILLS / 2, "the kills fell into different steps"
    for run in (killed, whole):
        process = begin(run)
        process.join()
        assert process.exitcode == 0
    for name in ("weights.safetensors", "metrics.csv"):
        assert (killed / "supernet" / name).read_bytes() == (whole / "supernet" / name).read_bytes()


@pytest.mark.slow
def test_a_search_that_is_killed_goes_on_with_what_it_had(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    search = [*SEARCH, "--supernet", str(whole)]
    kill_when(start(search, run), run / "search" / "study.db", 6.0)
    kill_when(start(search, run), run / "search" / "study.db", 5.0)
    assert not (run / "search" / "lookup_table.json").exists()
    finish(search, run)
    candidates = read_candidates(run / "search" / "candidates.csv")
    assert len(candidates) == 16
    assert len({candidate.config_id for candidate in candidates}) == 16
    assert (run / "search" / "lookup_table.json").exists()
