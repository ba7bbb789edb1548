"""Reads a study's trials: their configs, which configs are duplicates, and their evaluations."""

import functools
import json
from collections.abc import Iterable

import optuna
from optuna.trial import FrozenTrial, TrialState

from nas.conversions import subnet_config
from nas.errors import StudyError
from nas.evaluate.evaluation import Costs, Evaluation, from_text
from nas.number_types import dtype_of
from nas.search.parameters import of_trial
from nas.search.roles import COSTS, has_costs
from nas.search.steps import Steps
from planner import Candidate
from supernet import SubnetConfig, Supernet
from supernet.tell import to_stderr

CANDIDATE, CORRECT, ENERGY = "candidate", "correct", "energy_mj"
"""User attributes of an evaluated trial."""


def is_foreign(trial: FrozenTrial) -> bool:
    """Whether somebody else completed the trial, such as a person with Optuna's dashboard.

    A worker stores its result before it completes a trial.
    """
    return trial.state == TrialState.COMPLETE and not trial.user_attrs.keys() & {CANDIDATE, CORRECT}


class Trials:
    """The trials of one study, from all workers; foreign ones are told once and passed over.

    Args:
        study: a study of configs of `supernet`.
        supernet: decides which configs are duplicates.
        steps: what the study's parameters stand for.
        storage: name of the storage in error messages.
    """

    def __init__(self, study: optuna.Study, supernet: Supernet, steps: Steps, storage: str) -> None:
        self.study, self.steps, self.storage = study, steps, storage
        self._kept_counts = functools.cache(supernet.kept_counts)
        uniform = [*steps.in_each_dtype(supernet.space.grid())]
        self._uniform = {self.channels(each): each for each in reversed(uniform)}
        self._cache: dict[int, Evaluation] = {}  # by trial number; complete trials never change
        self._told = set[int]()  # numbers of foreign trials

    def evaluations(self) -> list[Evaluation]:
        """All evaluated candidates, each config once, in the order of their trials.

        Raises StudyError if a trial's result is damaged.
        """
        found: dict[tuple[int, ...], Evaluation] = {}
        for trial in self.of(TrialState.COMPLETE):
            evaluation = self.evaluation(trial)
            found.setdefault(self.channels(subnet_config(evaluation.candidate)), evaluation)
        return list(found.values())

    def evaluation(self, trial: FrozenTrial) -> Evaluation:
        """The evaluation of a complete trial. Raises StudyError if it is damaged."""
        if trial.number not in self._cache:
            self._cache[trial.number] = _evaluation(trial, self.storage)
        return self._cache[trial.number]

    def costs_of(self, config: SubnetConfig) -> Costs | None:
        """Costs of a config that another worker has measured, or None."""
        for trial in self.handed_over(*TrialState):
            if self.channels_of([trial]) == {self.channels(config)}:
                return Costs.from_json(json.loads(trial.user_attrs[COSTS]))
        return None

    def handed_over(self, *states: TrialState) -> list[FrozenTrial]:
        """Trials in these states whose costs are measured."""
        return [*filter(has_costs, self.of(*states))]

    def of(self, *states: TrialState) -> list[FrozenTrial]:
        """Trials in these states, by number, but no foreign ones."""
        found = self.study.get_trials(deepcopy=False, states=states)
        foreign = {trial.number for trial in found if is_foreign(trial)}
        if new := sorted(foreign - self._told):
            self._told |= foreign
            to_stderr(
                f"{self.storage}: passed over, as no worker evaluated them: trial(s) "
                f"{', '.join(map(str, new))}"
            )
        return [trial for trial in found if trial.number not in foreign]

    def known(self, *states: TrialState) -> set[tuple[int, ...]]:
        """`channels` of the configs of trials in these states.

        Without states: of all started trials, which are complete, running or handed over.
        """
        if states:
            return self.channels_of(self.of(*states))
        started = self.of(TrialState.COMPLETE, TrialState.RUNNING)
        return self.channels_of([*started, *self.handed_over(TrialState.WAITING)])

    def channels_of(self, trials: Iterable[FrozenTrial]) -> set[tuple[int, ...]]:
        """`channels` of the configs of `trials`; trials without a config yet are skipped."""
        configs = (self.config_of(trial) for trial in trials)
        return {self.channels(config) for config in configs if config is not None}

    def config_of(self, trial: FrozenTrial) -> SubnetConfig | None:
        """The config of a trial; None while its worker is still choosing the parameters."""
        return of_trial(trial, self.steps)

    def named(self, config: SubnetConfig) -> SubnetConfig:
        """The uniform config with the same channels, if there is one: its name is the simplest."""
        return self._uniform.get(self.channels(config), config)

    def is_uniform(self, config: SubnetConfig) -> bool:
        """Whether the config is one of the uniform grid, by whatever name."""
        return self.channels(config) in self._uniform

    def channels(self, config: SubnetConfig) -> tuple[int, ...]:
        """Key of a config, equal for duplicates.

        Kept channels of each group, resolution, and the number of its number type, if it names one.
        """
        dtype = dtype_of(config)
        named = () if dtype is None else (self.steps.dtypes.index(dtype),)
        return *self._kept_counts(config), config.resolution, *named


def _evaluation(trial: FrozenTrial, storage: str) -> Evaluation:
    """The evaluation stored in a complete trial; raise StudyError if it is damaged."""
    try:
        values = json.loads(trial.user_attrs[CANDIDATE])
        candidate = Candidate.from_values(**values | {"width_mults": tuple(values["width_mults"])})
        correct = from_text(trial.user_attrs[CORRECT])
        duration_s = trial.duration.total_seconds() if trial.duration else 0.0
        energy_mj = trial.user_attrs.get(ENERGY)
        return Evaluation(
            candidate=candidate, correct=correct, energy_mj=energy_mj, duration_s=duration_s
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(
            f"every evaluated trial in {storage} must hold its candidate and correct images, "
            f"but trial {trial.number} does not; repair the storage, "
            "or choose another --out"
        ) from error
