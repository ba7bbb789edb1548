"""What one worker takes; how workers share a study is in test_study.py."""

import optuna
import pytest
import torch
from optuna.trial import Trial, TrialState

from nas.search.job import SearchJob
from nas.search.parameters import suggest, to_parameters
from nas.search.proposals import Proposals
from nas.search.roles import take
from nas.search.steps import Steps
from nas.search.trials import CANDIDATE, Trials
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.models import WideResNet


@pytest.fixture
def proposals() -> Proposals:
    space = SearchSpace(resolutions=(16, 12), groups="one")
    supernet = Supernet(WideResNet(10, depth=10, widen=2), torch.empty(1, 3, 16, 16), space)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    trials = Trials(study, supernet, Steps.all_of(supernet), "the storage")
    return Proposals(trials, supernet.space, SearchJob(), lambda: 0.0)


def test_the_initial_configs_are_queued_once(proposals: Proposals) -> None:
    proposals.enqueue_initial()
    queued = proposals.trials.of(TrialState.WAITING)
    proposals.enqueue_initial()
    assert len(proposals.trials.of(TrialState.WAITING)) == len(queued) >= 10
    first = proposals.next()
    assert first is not None
    assert (first.config, first.origin) == (proposals.space.largest, "grid")
    assert first.costs is None


def test_a_queued_config_that_is_already_running_is_skipped(proposals: Proposals) -> None:
    config = SubnetConfig(width_mults=(0.5,), resolution=12)
    for _ in range(2):
        proposals.trials.study.enqueue_trial(to_parameters(config, proposals.trials.steps))
    one, other = proposals.next(), proposals.next()
    assert one is not None
    assert other is not None
    assert one.config == config != other.config
    assert [trial.number for trial in proposals.trials.of(TrialState.FAIL)] == [1]


def test_when_every_config_has_begun_there_is_no_proposal(proposals: Proposals) -> None:
    seen = []
    while proposal := proposals.next():
        seen.append(proposals.trials.channels(proposal.config))
    assert len(seen) == len(set(seen)) == 2 * 13  # 13 widths round to different channels


def test_a_trial_that_another_worker_has_finished_in_the_meantime_is_left_to_it(
    proposals: Proposals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in SQLite, where two workers may take the same trial."""
    study = proposals.trials.study
    config = SubnetConfig(width_mults=(0.5,), resolution=12)
    study.enqueue_trial(to_parameters(config, proposals.trials.steps))

    def take_both(study: optuna.Study, role: str) -> Trial | None:
        trial = take(study, role)
        if trial is not None and trial.number == 0:
            other = Trial(study, trial._trial_id)
            suggest(other, proposals.trials.steps)
            other.set_user_attr(CANDIDATE, "of the other worker")
            study.tell(other, [1.0, 1.0])
        return trial

    monkeypatch.setattr("nas.search.proposals.take", take_both)
    proposal = proposals.next()
    assert proposal is not None
    assert proposal.config != config
    assert study.trials[0].state == TrialState.COMPLETE
