"""The Optuna study of a search, shared by any number of workers: proposes configs, stores results.

A worker asks for a proposal, evaluates it and stores the result. All state is in the storage. If a
worker dies, its claim goes stale and another worker reruns its trial (see `nas.search.claim`).
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

from nas.errors import StudyError
from nas.evaluate.evaluation import Costs, Evaluation, to_text
from nas.evaluate.measures import MEASURES, value_of
from nas.search.claim import Clock, claimed, give_back, take_back_abandoned
from nas.search.fleet import DEVICE, correct, devices
from nas.search.guide import Guide
from nas.search.job import SearchJob
from nas.search.proposals import Proposal, Proposals
from nas.search.roles import hand_over, has_costs
from nas.search.samplers import GRID, OPTUNAS, make_sampler
from nas.search.steps import Steps
from nas.search.storage import open_study, without_password
from nas.search.surrogate import Array
from nas.search.trials import CANDIDATE, CORRECT, ENERGY, Trials
from planner import Candidate
from supernet import SubnetConfig, Supernet

WAIT_S = 0.5
"""Seconds between checks of other workers' progress."""

ENDED = "ended"
"""User attribute of a study: whether no more configs will be proposed."""

STEPS = "steps"
"""User attribute of a study: see `Steps.to_json`."""

MAX_AHEAD = 4
"""Number of unscored candidates at which a worker that only measures costs waits, because more
results improve the proposals."""


class Study:
    """The evaluated candidates of a search, and proposals for the next ones.

    The initial configs (`nas.search.initial`) come first, then the sampler proposes. Configs whose
    widths round to the same channels are duplicates, and no config is evaluated twice.

    Args:
        supernet: the supernet that is searched.
        storage: see `nas.search.storage`.
        belongs_to: identifies the weights and the target (`Target.to_json`); a study of others is
            refused.
        job: sampler, objectives, constraints, role, seed, warm start, and whether it is repeatable.
        find_steps: finds the steps of a new study, by measuring the target; None: all that the
            supernet has. Its workers share them.
        scored: the top1 of configs that other searches have scored; the guide learns from it.
        clock: returns seconds since the epoch, for the claims.

    Raises StudyError if the storage is damaged or belongs to another search.
    """

    def __init__(
        self,
        supernet: Supernet,
        storage: str,
        job: SearchJob,
        *,
        belongs_to: dict[str, Any],
        find_steps: Callable[[], Steps] | None = None,
        scored: Mapping[SubnetConfig, float] | None = None,
        clock: Clock = time.time,
    ) -> None:
        self.supernet, self.job, self.clock = supernet, job, clock
        self.study = open_study(
            storage,
            objectives={name: MEASURES[name].direction for name in job.proposed_by},
            belongs_to=belongs_to | {"objectives": " ".join(job.proposed_by)},
            may_begin=job.role != "accuracy",
        )
        take_back_abandoned(self.study, clock)
        all_steps = partial(Steps.all_of, supernet, job.named_dtypes)
        steps = self._shared_steps(find_steps or all_steps)
        self.trials = Trials(self.study, supernet, steps, without_password(storage))
        self.trials.evaluations()  # raises on damage now, not after hours
        self._require_equal_constraints()
        self.proposals = Proposals(self.trials, supernet.space, job, clock)
        if job.role != "accuracy":
            if self._has_ended():
                self.study.set_user_attr(ENDED, False)
            self.proposals.enqueue_initial()
        self.study.sampler = make_sampler(
            job.sampler,
            job.seed,
            num_done=len(self.trials.of(TrialState.COMPLETE, TrialState.RUNNING)),
            is_new=self.proposals.is_new,
            features=self.proposals.features,
            excess=self._excess,
            scored=_as_inputs(all_steps(), scored) if scored else None,
        )

    @property
    def steps(self) -> Steps:
        """What its configs are made of."""
        return self.trials.steps

    def candidates(self) -> list[Candidate]:
        """All evaluated candidates, each config once, in the order of their trials."""
        return [evaluation.candidate for evaluation in self.trials.evaluations()]

    def evaluations(self) -> list[Evaluation]:
        """All evaluated candidates with their correct images, each config once, by trial number."""
        return self.trials.evaluations()

    def devices(self) -> list[dict[str, Any]]:
        """What timed the candidates: see `nas.search.fleet.devices`."""
        return devices(self.trials.of(TrialState.COMPLETE))

    @property
    def expected_gain(self) -> float:
        """Share of the hypervolume that the next candidate is expected to add.

        NaN before the guide's first proposal, and with other samplers.
        """
        sampler = self.study.sampler
        return sampler.expected_gain if isinstance(sampler, Guide) else float("nan")

    def ask(self) -> Proposal | None:
        """The next config for this worker; None when the search is over.

        It is over when there are `job.num_trials` candidates in total, when no new config can be
        found, or when the guide expects the next one to add less than `job.min_gain` of the
        hypervolume. Until then, this waits for trials of other workers, and takes over those of
        workers that die.
        """
        while not self._is_over():
            if self._has_no_more():
                self._end()
                continue
            if self._must_wait():
                time.sleep(WAIT_S)
                continue
            if self.expected_gain < self.job.min_gain and not self._has_ended():
                self._end()
                continue
            proposal = self.proposals.next()
            if proposal is None:
                self._end()
            elif self._is_surplus(proposal.trial):
                give_back(self.study, proposal.trial.number)  # in case another worker dies
            else:
                return proposal
        return None

    @contextmanager
    def claimed(self, proposal: Proposal) -> Iterator[None]:
        """Claim the proposal's trial while the block runs; requeue the trial if the block fails."""
        try:
            with claimed(proposal.trial, self.clock):
                yield
        except BaseException:  # Ctrl-C too
            give_back(self.study, proposal.trial.number)
            raise

    def tell(self, proposal: Proposal, evaluation: Evaluation) -> Evaluation | None:
        """Store the evaluation and return it as stored, with the proposal's origin.

        If it was timed on another device than the study's first, its latency is corrected.

        None if the claim went stale and another worker has finished the trial.
        """
        candidate = replace(evaluation.candidate, origin=proposal.origin)
        found, trial = None, proposal.trial
        if evaluation.device:
            found = correct(self.trials.of(TrialState.COMPLETE), evaluation.device)
            candidate = replace(candidate, latency=candidate.latency.times(found.correction))
        stored = replace(evaluation, candidate=candidate)
        try:
            if found:
                trial.set_user_attr(DEVICE, found.to_json())
            trial.set_user_attr(CANDIDATE, json.dumps(candidate.values()))
            trial.set_user_attr(CORRECT, to_text(evaluation.correct))
            if evaluation.energy_mj is not None:
                trial.set_user_attr(ENERGY, evaluation.energy_mj)
            for each in self.job.constraints:
                trial.set_constraint(str(each), each.excess(value_of(stored, each.name)))
            values = [value_of(stored, name) for name in self.job.proposed_by]
            self.study.tell(trial, values)  # type: ignore[arg-type]
        except UpdateFinishedTrialError:
            return None
        return stored

    def hand_over(self, proposal: Proposal, costs: Costs) -> None:
        """Store the costs and requeue the trial for a worker that scores accuracy."""
        hand_over(self.study, proposal.trial, costs)

    def _excess(self, trial: FrozenTrial) -> list[float]:
        """By how much a complete trial violates each constraint of this search.

        The trial itself only knows those of the search that told it.
        """
        evaluation = self.trials.evaluation(trial)
        return [each.excess(value_of(evaluation, each.name)) for each in self.job.constraints]

    def _require_equal_constraints(self) -> None:
        """Raise StudyError if Optuna's sampler would be misled by constraints of earlier trials."""
        now = {str(each) for each in self.job.constraints}
        is_misled = self.job.sampler in OPTUNAS and self.job.sampler != "random"
        for trial in self.trials.of(TrialState.COMPLETE) if is_misled else ():
            if trial.constraints.keys() != now:
                before = " ".join(trial.constraints) or "none"
                raise StudyError(
                    f"with --sampler {self.job.sampler}, a resumed search must have the same "
                    f"constraints, but they were {before}, are {' '.join(sorted(now)) or 'none'}; "
                    "omit --sampler, or choose another --out"
                )

    def _shared_steps(self, find: Callable[[], Steps]) -> Steps:
        """The study's steps, found by the worker that begins it; the others wait for them.

        Two workers that begin it in the same moment may both find some: the last ones stored count,
        and each worker reads them back once the other must have stored its own.
        """
        if STEPS not in self.study.user_attrs and self.job.role != "accuracy":
            found = find()
            if STEPS not in self.study.user_attrs:
                self.study.set_user_attr(STEPS, found.to_json())
                time.sleep(WAIT_S)
        while STEPS not in self.study.user_attrs:
            time.sleep(WAIT_S)
        return Steps.from_json(self.study.user_attrs[STEPS])

    def _is_over(self) -> bool:
        """Whether no work is left for any worker; requeues the trials of dead workers first."""
        take_back_abandoned(self.study, self.clock)
        if len(self.trials.known(TrialState.COMPLETE)) >= self.job.num_trials:
            return True
        return self._has_ended() and not self.trials.handed_over(
            TrialState.RUNNING, TrialState.WAITING
        )

    def _has_no_more(self) -> bool:
        """Whether the whole grid is evaluated, if that is all that the search evaluates."""
        if self.job.sampler != GRID or self._has_ended():
            return False
        return not self.trials.of(TrialState.WAITING, TrialState.RUNNING)

    def _must_wait(self) -> bool:
        """Whether this worker has nothing to do until another worker finishes a trial."""
        if self.job.sampler == GRID and not self.trials.of(TrialState.WAITING):
            return bool(self.trials.of(TrialState.RUNNING))  # its worker may die
        num_waiting = len(self.trials.handed_over(TrialState.WAITING))
        if self.job.role == "accuracy":
            return not num_waiting
        all_started = self._has_ended() or len(self.trials.known()) >= self.job.num_trials
        if self.job.role == "latency":
            return num_waiting >= MAX_AHEAD or all_started
        return not num_waiting and all_started

    def _is_surplus(self, trial: Trial) -> bool:
        """Whether `job.num_trials` other configs take precedence over this trial."""
        if has_costs(trial):  # checked before its costs were measured
            return False
        return len(self.proposals.preceding(trial)) >= self.job.num_trials

    def _end(self) -> None:
        """Mark the study as ended: no worker proposes more configs."""
        if self.job.role != "accuracy":
            self.study.set_user_attr(ENDED, True)

    def _has_ended(self) -> bool:
        return bool(self.study.user_attrs.get(ENDED))


def _as_inputs(steps: Steps, scored: Mapping[SubnetConfig, float]) -> tuple[Array, Array]:
    """Inputs of the surrogates, (n, num_inputs), and top1, (n,)."""
    return np.array([steps.features(each) for each in scored]), np.array([*scored.values()])
