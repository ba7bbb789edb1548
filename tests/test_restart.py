"""kill -9 in the middle, then the same command: real processes, real files."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from planner import read_candidates

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


@pytest.mark.slow
def test_a_training_that_is_killed_goes_on_and_ends_with_the_same_bits(
    whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "killed"
    state = run / "supernet" / "last" / "state.safetensors"
    for seconds in (0.0, 1.5, 3.0):
        kill_when(start(TRAIN, run), state, seconds)
        assert not (run / "supernet" / "supernet.json").exists()
    finish(TRAIN, run)
    for name in ("weights.safetensors", "metrics.csv"):
        assert (run / "supernet" / name).read_bytes() == (whole / "supernet" / name).read_bytes()


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
