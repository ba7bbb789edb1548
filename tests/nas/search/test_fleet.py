import optuna
import pytest
from optuna.trial import TrialState

from nas.evaluate.evaluation import Device
from nas.search.fleet import DEVICE, correct, devices


def device(host: str, reference_ms: float) -> Device:
    return Device(host=host, reference_ms=reference_ms)


@pytest.fixture
def study() -> optuna.Study:
    """Timed by the first device thrice, once disturbed, and by the second once."""
    study = optuna.create_study()
    for host, reference_ms in (("one", 2.0), ("one", 2.0), ("one", 9.0), ("two", 4.0)):
        trial = study.ask()
        found = correct(study.trials, device(host, reference_ms))
        trial.set_user_attr(DEVICE, found.to_json())
        study.tell(trial, 1.0)
    return study


def test_the_first_device_is_what_others_are_corrected_to(study: optuna.Study) -> None:
    assert correct([], device("one", 2.0)).correction == 1
    assert correct(study.trials, device("one", 3.0)).correction == 1
    assert correct(study.trials, device("two", 4.0)).correction == 0.5
    assert correct(study.trials, device("two", 6.0)).correction == 0.4, "the median of 4 and 6"
    assert correct(study.trials, device("three", 1.0)).correction == 2


def test_who_told_first_stays_the_first() -> None:
    """Also when the trial that began first ends last."""
    study = optuna.create_study()
    early, late = study.ask(), study.ask()
    for trial, one in ((late, device("quick", 2.0)), (early, device("slow", 4.0))):
        found = correct(study.get_trials(states=(TrialState.COMPLETE,)), one)
        trial.set_user_attr(DEVICE, found.to_json())
        study.tell(trial, 1.0)
    assert correct(study.trials, device("quick", 2.0)).correction == 1
    assert correct(study.trials, device("slow", 4.0)).correction == 0.5


def test_trials_of_before_or_with_predicted_latency_say_nothing(study: optuna.Study) -> None:
    study.tell(study.ask(), 1.0)
    assert correct(study.trials[-1:], device("two", 4.0)).correction == 1


def test_the_table_is_told_who_timed_how_many(study: optuna.Study) -> None:
    assert devices(study.trials) == [
        {"host": "one", "num_candidates": 3, "correction": 1.0},
        {"host": "two", "num_candidates": 1, "correction": 0.5},
    ]
