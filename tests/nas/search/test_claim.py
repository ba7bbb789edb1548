import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import optuna
import pytest
from optuna.trial import TrialState

from nas.search.claim import CLAIM, CONTINUES, claimed, give_back, take_back_abandoned

NOW = 1e9


@pytest.fixture
def study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    study.enqueue_trial({"x": 0.25}, user_attrs={"origin": "grid"})
    return study


def at(time: float) -> Callable[[], float]:
    return lambda: time


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def claim_by(host: str, process: int, time: float) -> dict[str, object]:
    return {"host": host, "process": process, "time": time}


def running(study: optuna.Study) -> int:
    return len(study.get_trials(states=(TrialState.RUNNING,)))


def test_a_claim_is_signed_again_and_again(study: optuna.Study) -> None:
    trial = study.ask()
    times = iter(range(1000))
    with claimed(trial, lambda: float(next(times)), renew_s=0.005):
        while study.trials[0].user_attrs.get(CLAIM, {"time": 0})["time"] < 3:
            pass
    claim = study.trials[0].user_attrs[CLAIM]
    assert (claim["host"], claim["process"]) == (socket.gethostname(), os.getpid())


def test_what_is_worked_on_is_left_alone(study: optuna.Study) -> None:
    with claimed(study.ask(), at(NOW)):
        assert take_back_abandoned(study, at(NOW + 29)) == 0
    assert running(study) == 1


@pytest.mark.parametrize("seconds", [31.0, 1e6])
def test_without_a_sign_of_life_it_is_queued_again(study: optuna.Study, seconds: float) -> None:
    trial = study.ask()
    trial.set_user_attr(CLAIM, claim_by("elsewhere", 1, NOW))
    assert take_back_abandoned(study, at(NOW + seconds)) == 1
    assert take_back_abandoned(study, at(NOW + seconds)) == 0
    again = study.ask()
    assert again.suggest_float("x", 0, 1) == 0.25
    assert again.user_attrs == {"origin": "grid", CONTINUES: trial.number}


def test_a_dead_process_of_this_host_is_seen_at_once(study: optuna.Study) -> None:
    study.ask().set_user_attr(CLAIM, claim_by(socket.gethostname(), dead_process(), NOW))
    assert take_back_abandoned(study, at(NOW)) == 1
    assert running(study) == 0


def test_one_that_was_never_signed_for_goes_stale_too(study: optuna.Study) -> None:
    study.ask()
    began = study.trials[0].datetime_start
    assert began is not None
    assert take_back_abandoned(study, at(began.timestamp() + 29)) == 0
    assert take_back_abandoned(study, at(began.timestamp() + 31)) == 1


def test_what_a_sampler_proposed_is_queued_with_what_it_proposed() -> None:
    study = optuna.create_study()
    trial = study.ask()
    proposed = trial.suggest_float("x", 0, 1)
    assert give_back(study, trial.number)
    assert study.ask().suggest_float("x", 0, 1) == proposed


def test_a_finished_trial_is_not_given_back(study: optuna.Study) -> None:
    study.tell(study.ask(), 1.0)
    assert not give_back(study, 0)
    assert len(study.trials) == 1


def test_who_dies_while_giving_back_loses_nothing(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    trial = study.ask()
    monkeypatch.setattr(study, "tell", die)
    with pytest.raises(KeyboardInterrupt):
        give_back(study, trial.number)
    again = study.ask()
    assert again.suggest_float("x", 0, 1) == 0.25
    assert again.user_attrs == {"origin": "grid", CONTINUES: trial.number}


def test_a_claim_on_what_another_worker_has_finished_is_quietly_given_up(
    study: optuna.Study,
) -> None:
    trial = study.ask()
    with claimed(trial, at(NOW), renew_s=0.001):
        study.tell(trial.number, 1.0)
        time.sleep(0.01)
    with claimed(trial, at(NOW)):
        pass
    assert study.trials[0].state == TrialState.COMPLETE
