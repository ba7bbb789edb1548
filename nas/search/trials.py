"""What a study's trials hold: configs, which of them are the same, and their evaluations."""

import functools
import json
from collections.abc import Iterable

import optuna
from optuna.trial import FrozenTrial, TrialState

from nas.conversions import subnet_config
from nas.errors import StudyError
from nas.evaluate.evaluation import Costs, Evaluation, from_text
from nas.search.parameters import of_trial
from nas.search.roles import COSTS, has_costs
from planner import Candidate
from supernet import SubnetConfig, Supernet


class Trials:
    """Of one study, as all workers have left them.

    Args:
        study: of configs of `supernet`.
        supernet: which says what configs are the same.
        storage: what errors call it.
    """

    def __init__(self, study: optuna.Study, supernet: Supernet, storage: str) -> None:
        self.study, self.num_groups, self.storage = study, supernet.space.num_groups, storage
        self._kept_counts = functools.cache(supernet.kept_counts)
        self._read: dict[int, Evaluation] = {}  # by the trial's number; what is done never changes

    def evaluations(self) -> list[Evaluation]:
        """All evaluated candidates, each config once, in the order of their trials.

        Raises StudyError where a trial does not hold its candidate.
        """
        found: dict[tuple[int, ...], Evaluation] = {}
        for trial in self.of(TrialState.COMPLETE):
            if trial.number not in self._read:
                self._read[trial.number] = _evaluation(trial, self.storage)
            evaluation = self._read[trial.number]
            found.setdefault(self.channels(subnet_config(evaluation.candidate)), evaluation)
        return list(found.values())

    def costs_of(self, config: SubnetConfig) -> Costs | None:
        """What another worker has measured of a config; None: nothing."""
        for trial in self.handed_over(*TrialState):
            if self.channels_of([trial]) == {self.channels(config)}:
                return Costs.from_json(json.loads(trial.user_attrs[COSTS]))
        return None

    def handed_over(self, *states: TrialState) -> list[FrozenTrial]:
        """Trials of which the costs are known and top1 is not."""
        return [*filter(has_costs, self.of(*states))]

    def of(self, *states: TrialState) -> list[FrozenTrial]:
        """Those in these states, in the order of their numbers."""
        return self.study.get_trials(deepcopy=False, states=states)

    def known(self, *states: TrialState) -> set[tuple[int, ...]]:
        """What the configs of the trials in these states are; by default, of all that are begun."""
        if states:
            return self.channels_of(self.of(*states))
        begun = self.of(TrialState.COMPLETE, TrialState.RUNNING)
        return self.channels_of([*begun, *self.handed_over(TrialState.WAITING)])

    def channels_of(self, trials: Iterable[FrozenTrial]) -> set[tuple[int, ...]]:
        """What the configs of `trials` are, as far as they have been chosen."""
        configs = (self.config_of(trial) for trial in trials)
        return {self.channels(config) for config in configs if config is not None}

    def config_of(self, trial: FrozenTrial) -> SubnetConfig | None:
        """None while a worker has taken the trial and not yet chosen all of its parameters."""
        return of_trial(trial, self.num_groups)

    def channels(self, config: SubnetConfig) -> tuple[int, ...]:
        """What makes two configs the same: channels kept in each group, and the resolution."""
        return *self._kept_counts(config), config.resolution


def _evaluation(trial: FrozenTrial, storage: str) -> Evaluation:
    """What came out; raise StudyError where the trial does not hold it."""
    try:
        values = json.loads(trial.user_attrs["candidate"])
        candidate = Candidate.from_values(**values | {"width_mults": tuple(values["width_mults"])})
        correct = from_text(trial.user_attrs["correct"])
        duration_s = trial.duration.total_seconds() if trial.duration else 0.0
        return Evaluation(candidate=candidate, correct=correct, duration_s=duration_s)
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(
            f"every evaluated trial in {storage} must hold its candidate, "
            "but one does not: mend or delete the storage, or choose another --out"
        ) from error
