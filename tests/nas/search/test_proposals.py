"""What one worker takes; how workers share a study is in test_study.py."""

import optuna
import pytest
import torch
from optuna.trial import TrialState

from nas.search.job import SearchJob
from nas.search.parameters import to_parameters
from nas.search.proposals import Proposals
from nas.search.steps import Steps
from nas.search.trials import Trials
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
