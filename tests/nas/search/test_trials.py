import json

import numpy
import optuna
import pytest
import torch
from optuna.trial import TrialState

from nas.errors import StudyError
from nas.evaluate.evaluation import Costs, to_text
from nas.search.parameters import to_parameters
from nas.search.roles import COSTS
from nas.search.steps import Steps
from nas.search.trials import Trials
from planner import Candidate
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.models import WideResNet

SMALL = SubnetConfig(width_mults=(0.5,), resolution=12)
LARGE = SubnetConfig(width_mults=(1.0,), resolution=12)


@pytest.fixture
def trials() -> Trials:
    space = SearchSpace(resolutions=(16, 12), groups="one")
    model = WideResNet(10, depth=10, widen=2)
    study = optuna.create_study(directions=["maximize", "minimize"])
    supernet = Supernet(model, torch.empty(1, 3, 16, 16), space)
    return Trials(study, supernet, Steps.all_of(supernet), "the storage")


def finish(trials: Trials, config: SubnetConfig, candidate: Candidate) -> None:
    trials.study.enqueue_trial(to_parameters(config, trials.steps))
    trial = trials.study.ask()
    trial.set_user_attr("candidate", json.dumps(candidate.values()))
    trial.set_user_attr("correct", to_text(numpy.ones(8, dtype=bool)))
    trials.study.tell(trial, [candidate.accuracy.top1, candidate.latency.p50_ms])


def test_widths_that_round_to_the_same_channels_are_one_config(trials: Trials) -> None:
    almost = SubnetConfig(width_mults=(0.501,), resolution=12)
    assert trials.channels(SMALL) == trials.channels(almost) != trials.channels(LARGE)


def test_a_config_evaluated_twice_counts_once(trials: Trials, candidates: list[Candidate]) -> None:
    for _ in range(2):
        finish(trials, SMALL, candidates[0])
    (found,) = trials.evaluations()
    assert found.candidate == candidates[0]
    assert found.correct.all()
    assert found.duration_s > 0


def test_what_waits_with_its_costs_is_known_and_what_only_waits_is_not(
    trials: Trials, candidates: list[Candidate]
) -> None:
    trials.study.enqueue_trial(to_parameters(SMALL, trials.steps))
    assert trials.known() == set()
    costs = Costs(macs=7, num_params=1, latency=candidates[0].latency)
    attributes = {COSTS: json.dumps(costs.to_json())}
    trials.study.enqueue_trial(to_parameters(LARGE, trials.steps), user_attrs=attributes)
    assert trials.known() == {trials.channels(LARGE)}
    assert trials.known(TrialState.WAITING) == {trials.channels(SMALL), trials.channels(LARGE)}
    assert trials.costs_of(LARGE) == costs
    assert trials.costs_of(SMALL) is None


def test_a_trial_that_no_worker_evaluated_is_passed_over_and_told_once(
    trials: Trials, candidates: list[Candidate], capsys: pytest.CaptureFixture[str]
) -> None:
    finish(trials, SMALL, candidates[0])
    trials.study.enqueue_trial(to_parameters(LARGE, trials.steps))
    trials.study.tell(trials.study.ask(), [0.5, 1.0])
    trials.study.tell(trials.study.ask(), [0.5, 1.0])
    for _ in range(2):
        assert [each.candidate for each in trials.evaluations()] == [candidates[0]]
        assert trials.known(TrialState.COMPLETE) == {trials.channels(SMALL)}
    line = "the storage: passed over, as no worker evaluated them: trial(s) 1, 2\n"
    assert capsys.readouterr().err == line


def test_a_trial_with_half_a_result_is_refused(trials: Trials, candidates: list[Candidate]) -> None:
    trials.study.enqueue_trial(to_parameters(SMALL, trials.steps))
    trial = trials.study.ask()
    trial.set_user_attr("candidate", json.dumps(candidates[0].values()))
    trials.study.tell(trial, [0.5, 1.0])
    with pytest.raises(StudyError, match="trial in the storage must hold its candidate and corr"):
        trials.evaluations()
