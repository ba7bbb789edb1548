"""Claims: which worker evaluates a trial, renewed while it does, in any Optuna storage.

Optuna's own heartbeat is for databases only (not for its journal file), and a worker that dies
between taking a trial and its first beat leaves that trial running for ever. A claim is one user
attribute of the trial: host, process and the time of the last sign of life.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

CLAIM = "claim"
CONTINUES = "continues"
"""Attribute of a queued copy: the number of the trial that it takes the place of."""
RENEW_S = 5.0
STALE_S = 30.0
"""A worker on another host counts as dead after as long without a sign of life; the hosts' clocks
must agree better than that."""

Clock = Callable[[], float]
"""Seconds since the epoch."""


@contextmanager
def claimed(trial: Trial, clock: Clock, renew_s: float = RENEW_S) -> Iterator[None]:
    """Sign for `trial`, again and again until the block ends."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(renew_s):
            _sign(trial, clock)

    _sign(trial, clock)
    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def take_back_abandoned(study: optuna.Study, clock: Clock, stale_s: float = STALE_S) -> int:
    """Queue again the trials that dead workers left running; return how many there were.

    Where several workers see the same dead one, the storage lets only one of them fail its trial.
    """
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return sum(give_back(study, t.number) for t in running if _is_abandoned(t, clock(), stale_s))


def give_back(study: optuna.Study, number: int) -> bool:
    """Queue a running trial again; False when another worker has finished or queued it.

    The copy comes first: a worker that dies in between leaves both trials, and the surplus one is
    never evaluated.
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
    if claim is None:  # died, or is just now, between taking the trial and signing for it
        began = trial.datetime_start
        return began is not None and now - began.timestamp() > stale_s
    if claim["host"] == socket.gethostname() and not _is_alive(claim["process"]):
        return True
    return bool(now - claim["time"] > stale_s)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is another user's
    return True


def _sign(trial: Trial, clock: Clock) -> None:
    claim = {"host": socket.gethostname(), "process": os.getpid(), "time": clock()}
    trial.set_user_attr(CLAIM, claim)
