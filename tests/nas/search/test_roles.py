import json

import optuna
import pytest
from optuna.trial import Trial, TrialState

from nas.evaluate.evaluation import Costs
from nas.search.roles import COSTS, hand_over, has_costs, take
from planner import Latency

COSTS_OF_ONE = Costs(
    macs=7,
    num_params=1,
    latency=Latency(
        p50_ms=1.0, p90_ms=1.0, p99_ms=1.0, p50_low_ms=1.0, p50_high_ms=1.0, num_samples=1
    ),
)


@pytest.fixture
def study() -> optuna.Study:
    """Trial 0 waits for its costs; trial 1 has them and waits for top1."""
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.enqueue_trial({"x": 0.25})
    study.enqueue_trial({"x": 0.75}, user_attrs={COSTS: "{}"})
    return study


def number(trial: Trial | None) -> int | None:
    return None if trial is None else trial.number


def test_each_role_takes_what_it_can_do(study: optuna.Study) -> None:
    assert number(take(study, "accuracy")) == 1
    assert number(take(study, "accuracy")) is None
    assert number(take(study, "latency")) == 0
    assert number(take(study, "latency")) == 2, "a new one"


def test_a_worker_with_both_roles_finishes_first_what_is_begun(study: optuna.Study) -> None:
    assert [number(take(study, "all")) for _ in range(3)] == [1, 0, 2]


def test_what_is_handed_over_keeps_config_and_costs(study: optuna.Study) -> None:
    trial = take(study, "latency")
    assert trial is not None
    hand_over(study, trial, COSTS_OF_ONE)
    assert study.get_trials()[trial.number].state == TrialState.FAIL
    queued = study.get_trials(states=(TrialState.WAITING,))
    assert all(map(has_costs, queued))
    assert Costs.from_json(json.loads(queued[-1].user_attrs[COSTS])) == COSTS_OF_ONE
    assert queued[-1].system_attrs["fixed_params"] == {"x": 0.25}


def test_another_ones_trial_is_not_taken(study: optuna.Study) -> None:
    assert number(take(study, "accuracy")) == 1
    assert study.get_trials()[1].state == TrialState.RUNNING
    assert number(take(study, "accuracy")) is None


def test_what_another_has_finished_meanwhile_is_left_alone(study: optuna.Study) -> None:
    trial = take(study, "latency")
    assert trial is not None
    study.tell(trial.number, [1.0, 2.0])
    hand_over(study, trial, COSTS_OF_ONE)
    assert len(study.get_trials()) == 2
