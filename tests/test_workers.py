"""Four workers share one search and two are killed with -9: SQLite, journal, PostgreSQL, gRPC.

All can do all, or two time candidates and two count what these get right: one of each is killed.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import GrpcStorageProxy, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from benchmarks.search import storage_servers

ROOT = Path(__file__).parents[1]
WORKER = ROOT / "tests" / "workers" / "search_worker.py"
NUM_CANDIDATES = 48
NUM_INITIAL = 12
"""Corners, uniform configs and spread ones, at least."""


@pytest.fixture
def postgresql() -> Iterator[str]:
    if not storage_servers.postgresql_programs():
        pytest.skip("no PostgreSQL server under /usr/lib/postgresql: apt-get install postgresql")
    with storage_servers.postgresql() as url:
        yield url


@pytest.fixture
def grpc(tmp_path: Path) -> Iterator[str]:
    with storage_servers.grpc_before(f"sqlite:///{tmp_path}/study.db") as url:
        yield url


@pytest.fixture(params=["sqlite", "journal", "postgresql", "grpc"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param in ("postgresql", "grpc"):
        return str(request.getfixturevalue(request.param))
    names = {
        "sqlite": f"sqlite:///{tmp_path / 'study.db'}",
        "journal": f"journal:{tmp_path / 'log'}",
    }
    return names[request.param]


def start(storage: str, role: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WORKER), storage, str(NUM_CANDIDATES), role],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def opened(url: str) -> Iterator[optuna.Study]:
    """The study, with its connections closed at the end."""
    storage: Any
    if url.startswith("journal:"):
        storage = JournalStorage(JournalFileBackend(url.removeprefix("journal:")))
    elif url.startswith("grpc:"):
        storage = GrpcStorageProxy(port=int(url.rpartition(":")[2]))
    else:
        storage = RDBStorage(url)
    yield optuna.load_study(study_name="search", storage=storage)
    if isinstance(storage, RDBStorage):
        storage.remove_session()
        storage.engine.dispose()


def wait_for_trials(study: optuna.Study, num_trials: int) -> None:
    deadline = time.monotonic() + 120
    while len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))) < num_trials:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("roles", [("all",) * 4, ("latency", "latency", "accuracy", "accuracy")])
def test_no_trial_is_lost_or_counted_twice_or_left_running(
    storage: str, roles: tuple[str, ...]
) -> None:
    workers = [start(storage, roles[0])]
    assert workers[0].stdout is not None
    assert workers[0].stdout.readline() == "ready\n"
    with opened(storage) as study:
        queued = [trial.system_attrs["fixed_params"] for trial in study.get_trials(deepcopy=False)]
        workers += [start(storage, role) for role in roles[1:]]
        wait_for_trials(study, 12)
        for worker in workers[1:3]:
            worker.send_signal(signal.SIGKILL)
        outputs = [worker.communicate(timeout=300) for worker in workers]
        assert [worker.returncode for worker in workers] == [0, -9, -9, 0], outputs
        trials = study.get_trials(deepcopy=False)
    states = Counter(trial.state for trial in trials)
    assert states[TrialState.COMPLETE] == NUM_CANDIDATES
    assert states[TrialState.RUNNING] == 0
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert max(Counter(tuple(sorted(trial.params.items())) for trial in done).values()) == 1
    # Trials in the queue are never lost: whoever had one when it died, another has done it.
    assert len(queued) >= NUM_INITIAL
    assert all(any(params == trial.params for trial in done) for params in queued)
