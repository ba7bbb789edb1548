"""Two real processes share a search: one measures and writes the table, the other only scores."""

import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from planner import LookupTable
from supernet import Hyperparameters, SearchSpace, TrainingJob
from supernet.train.training import train

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 180.0


def start(run: Path, out: Path, role: str) -> subprocess.Popen[bytes]:
    command = [
        *(sys.executable, "-m", "nas.search", "--supernet", str(run), "--out", str(out)),
        *("--storage", f"journal:{out.parent / 'log'}", "--role", role),
        *("--trials", "8", "--num-threads", "1", "--allow-noisy"),
    ]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.mark.slow
def test_latency_is_measured_on_the_target_and_top1_counted_elsewhere(tmp_path: Path) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    hyper = Hyperparameters(batch_size=500, lr=0.2, weight_decay=0.0, warmup_fraction=0.2)
    space = SearchSpace(resolutions=(12, 8))
    options = {"depth": 10, "widen": 1, "stem_stride": 2}
    train(TrainingJob(model_options=options, space=space, hyperparameters=hyper, epochs=1), run)
    target = start(run, tmp_path / "target", "latency")
    deadline = time.monotonic() + TIMEOUT_S
    while not log.exists() or b"fixed_params" not in log.read_bytes():  # it has begun the search
        assert time.monotonic() < deadline
        assert target.poll() is None, target.communicate()
        time.sleep(0.1)
    other = start(run, tmp_path / "other", "accuracy")
    outputs = [process.communicate(timeout=TIMEOUT_S) for process in (target, other)]
    assert [target.returncode, other.returncode] == [0, 0], outputs
    study = optuna.load_study(
        study_name="search", storage=JournalStorage(JournalFileBackend(str(log)))
    )
    done = study.get_trials(states=(TrialState.COMPLETE,))
    assert len(done) == 8
    assert {trial.user_attrs["claim"]["process"] for trial in done} == {other.pid}
    assert all("costs" in trial.user_attrs for trial in done)
    assert len(LookupTable.read(tmp_path / "target" / "search" / "lookup_table.json")) >= 1
    assert not (tmp_path / "other" / "search" / "lookup_table.json").exists()
    assert b"the worker on the target writes the table" in outputs[1][0]
