"""Proposals: which config a worker evaluates next, so that no config is evaluated twice."""

import random
import time
from dataclasses import dataclass
from typing import Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial, TrialState

from nas.evaluate.evaluation import Costs
from nas.search.claim import CONTINUES, Clock, take_back_abandoned
from nas.search.initial import initial_configs
from nas.search.job import SearchJob
from nas.search.parameters import features, suggest, to_config, to_parameters
from nas.search.roles import take, turn
from nas.search.samplers import GRID
from nas.search.trials import Trials
from supernet import SearchSpace, SubnetConfig

MAX_SUGGESTIONS = 20
"""Consecutive duplicate suggestions of the sampler after which a random new config is used."""

MAX_DRAWS = 2000
"""Consecutive duplicate random configs after which the search ends for lack of new ones."""

LOOK_S = 0.05
"""Seconds between checks of trials whose config another worker has not stored yet."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A config for one worker to evaluate."""

    trial: Trial
    config: SubnetConfig
    origin: str
    """grid or search, as in a Candidate."""
    costs: Costs | None
    """Costs that another worker has already measured; None if they must be measured."""


class Proposals:
    """Takes queued trials and asks the sampler for new ones, in a study that workers share.

    Args:
        trials: of the study, with the steps that configs are made of.
        space: of the supernet.
        job: role, seed and warm start of this worker.
        clock: seconds since the epoch; of the claims.
    """

    def __init__(self, trials: Trials, space: SearchSpace, job: SearchJob, clock: Clock) -> None:
        self.trials, self.space, self.job, self.clock = trials, space, job, clock
        self._started: set[tuple[int, ...]] = set()  # configs at the time of a proposal

    def next(self) -> Proposal | None:
        """Take a trial of a config that no worker has started; None if there is no such config."""
        tries = 0
        while tries < MAX_SUGGESTIONS or self._enqueue_random():
            self._started = self.trials.known()
            trial = take(self.trials.study, self.job.role)
            if trial is None:
                return None
            try:
                config = self.trials.named(suggest(trial, self.trials.steps))
                if self.trials.channels(config) not in self.preceding(trial):
                    return Proposal(
                        trial=trial,
                        config=config,
                        origin="grid" if self.trials.is_uniform(config) else "search",
                        costs=self.trials.costs_of(config),
                    )
                self.trials.study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
                tries += 1
            except UpdateFinishedTrialError:
                continue  # another worker has taken it, too, and was quicker; see `take`
        return None

    def preceding(self, trial: Trial) -> set[tuple[int, ...]]:
        """Configs that are evaluated or whose trials take precedence over `trial`.

        Of two trials of one config, the one with costs takes precedence, else the one with the
        lower number; a requeued trial takes precedence over the one that it replaces. Trial numbers
        are unique and increasing, so they serve as tickets of Lamport's bakery algorithm (CACM
        17:8, 1974): this waits until all trials with lower numbers have chosen their configs.
        """
        continued = trial.user_attrs.get(CONTINUES)
        while True:
            others = [
                each
                for each in self.trials.of(
                    TrialState.COMPLETE, TrialState.RUNNING, TrialState.WAITING
                )
                if each.state == TrialState.COMPLETE
                or (each.number != continued and turn(each) < turn(trial))
            ]
            configs = [self.trials.config_of(each) for each in others]
            if None not in configs:
                return {self.trials.channels(config) for config in configs if config is not None}
            time.sleep(LOOK_S)
            take_back_abandoned(self.trials.study, self.clock)

    def _enqueue_random(self) -> bool:
        """Enqueue a random new config; False if none was found."""
        steps, started = self.trials.steps, self.trials.known()
        rng = random.Random(f"{self.job.seed} {len(started)}")
        for _ in range(MAX_DRAWS):
            config = steps.config_of([rng.choice(axis) for axis in steps.axes])
            if self.trials.channels(config) not in started:
                self._enqueue(config)
                return True
        return False

    def enqueue_initial(self) -> None:
        """Enqueue the initial configs that no trial holds yet."""
        present = self.trials.known(TrialState.COMPLETE, TrialState.RUNNING, TrialState.WAITING)
        initial = initial_configs(
            self.space,
            self.trials.steps,
            self.job.warm_start,
            self.trials.channels,
            whole_grid=self.job.sampler == GRID,
            seed=self.job.seed,
        )
        for config in initial:
            if self.trials.channels(config) not in present:
                self._enqueue(config)

    def _enqueue(self, config: SubnetConfig) -> None:
        self.trials.study.enqueue_trial(to_parameters(config, self.trials.steps))

    def is_new(self, params: dict[str, float]) -> bool:
        """Whether no worker has started the config of these parameters."""
        config = to_config(params, self.trials.steps)
        return config is not None and self.trials.channels(config) not in self._started

    def features(self, params: dict[str, Any]) -> list[float]:
        """Inputs of the surrogates for these parameters' config."""
        return features(params, self.trials.steps)
