"""Claims: leases on trials that workers renew while they evaluate, in any Optuna storage.

Optuna's heartbeat supports databases only, not its journal file, and a worker that dies between
taking a trial and the first heartbeat leaves it running forever. A claim is a user attribute of the
trial: the worker's host and process id, and the time of the last renewal.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

CLAIM = "claim"
CONTINUES = "continues"
"""User attribute of a requeued trial: the number of the trial that it replaces."""
RENEW_S = 5.0
"""Seconds between renewals of a claim."""
STALE_S = 30.0
"""Age in seconds at which a claim is stale and its worker is considered dead. Clocks of different
hosts must differ by less."""

Clock = Callable[[], float]
"""Seconds since the epoch."""


@contextmanager
def claimed(trial: Trial, clock: Clock, renew_s: float = RENEW_S) -> Iterator[None]:
    """Claim `trial` and renew the claim every `renew_s` seconds until the block ends.

    Or until another worker has finished the trial: this one learns of it when it tells its result.
    """
    done = threading.Event()

    def renew() -> None:
        with suppress(UpdateFinishedTrialError):
            while not done.wait(renew_s):
                _claim(trial, clock)

    with suppress(UpdateFinishedTrialError):
        _claim(trial, clock)
    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def take_back_abandoned(study: optuna.Study, clock: Clock, stale_s: float = STALE_S) -> int:
    """Requeue the running trials of dead workers; return their number.

    If several workers detect the same dead worker, the storage lets only one fail the trial.
    """
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return sum(give_back(study, t.number) for t in running if _is_abandoned(t, clock(), stale_s))


def give_back(study: optuna.Study, number: int) -> bool:
    """Requeue a running trial; return False if another worker has already finished or requeued it.

    The copy is queued before the trial is failed: if the worker dies in between, both trials
    remain, but the duplicate is never evaluated.
    """
    trial = study.get_trials(deepcopy=False)[number]
    if trial.state != TrialState.RUNNING:
        return False
    params = trial.system_attrs.get("fixed_params", trial.params)
    if params:
        attrs = {name: value for name, value in trial.user_attrs.items() if name != CLAIM}
        study.enqueue_trial(params, user_attrs=attrs | {CONTINUES: number})
    try:
        study.tell(number, state=TrialState.FAIL)
    except (ValueError, UpdateFinishedTrialError):
        return False
    return True


def _is_abandoned(trial: FrozenTrial, now: float, stale_s: float) -> bool:
    claim = trial.user_attrs.get(CLAIM)
    if claim is None:  # the worker has taken the trial, but not claimed it yet; it may have died
        started = trial.datetime_start
        return started is not None and now - started.timestamp() > stale_s
    if claim["host"] == socket.gethostname() and not _is_alive(claim["process"]):
        return True
    return bool(now - claim["time"] > stale_s)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # the process exists, but belongs to another user
    return True


def _claim(trial: Trial, clock: Clock) -> None:
    claim = {"host": socket.gethostname(), "process": os.getpid(), "time": clock()}
    trial.set_user_attr(CLAIM, claim)
