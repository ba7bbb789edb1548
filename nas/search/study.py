"""The Optuna study: which config next, and what came of it, for any number of workers.

A worker asks for a proposal, evaluates it and tells the study what came out. All state is in the
storage; a worker that dies leaves a claim that goes stale, and another worker takes over its trial
(see `nas.search.claim`).
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial, TrialState

from nas.evaluate.evaluation import Costs, Evaluation, to_text
from nas.search.claim import Clock, claimed, give_back, take_back_abandoned
from nas.search.guide import Guide
from nas.search.job import SearchJob
from nas.search.proposals import Proposal, Proposals
from nas.search.roles import hand_over, has_costs
from nas.search.samplers import make_sampler
from nas.search.storage import open_study, without_password
from nas.search.trials import Trials
from planner import Candidate
from supernet import Supernet

DIRECTIONS: dict[str, Literal["maximize", "minimize"]] = {
    "top1": "maximize",
    "latency_p50_ms": "minimize",
    "macs": "minimize",
    "peak_memory_bytes": "minimize",
}
"""What may be an objective, by its name in a candidate's values."""

WAIT_S = 0.5
"""Between looks at what other workers still do."""

ENDED = "ended"
"""Attribute of a study for which no worker has more proposals."""

MAX_AHEAD = 4
"""Candidates with costs but without top1 before a worker that only measures waits: its proposals
improve with what is known."""


class Study:
    """Candidates that have been evaluated, and the next ones to evaluate.

    The uniform grid comes first, then the sampler proposes. Configs whose widths round to the same
    channels are one config, and no config is evaluated twice.

    Args:
        supernet: whose configs are searched.
        storage: see `nas.search.storage`.
        belongs_to: what the numbers are measured with; a study of something else is refused.
        job: sampler, objectives, limits, role, seed, warm start, and whether it is repeatable.
        clock: seconds since the epoch; of the claims.

    Raises StudyError where the storage is damaged or belongs to another search.
    """

    def __init__(
        self,
        supernet: Supernet,
        storage: str,
        job: SearchJob,
        *,
        belongs_to: dict[str, str],
        clock: Clock = time.time,
    ) -> None:
        self.supernet, self.job, self.clock = supernet, job, clock
        self.study = open_study(
            storage,
            directions=[DIRECTIONS[name] for name in job.objectives],
            belongs_to=belongs_to | {"objectives": " ".join(job.objectives)},
            may_begin=job.role != "accuracy",
        )
        take_back_abandoned(self.study, clock)
        self.trials = Trials(self.study, supernet, without_password(storage))
        self.trials.evaluations()  # damage shows now, not after hours
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
            cost=job.objectives.index("macs" if job.repeatable else "latency_p50_ms"),
        )

    def candidates(self) -> list[Candidate]:
        """All evaluated candidates, each config once, in the order of their trials."""
        return [evaluation.candidate for evaluation in self.trials.evaluations()]

    def evaluations(self) -> list[Evaluation]:
        """The same, with the images that each classifies correctly."""
        return self.trials.evaluations()

    @property
    def expected_gain(self) -> float:
        """Share of the hypervolume that the next candidate should add; NaN where nobody knows."""
        sampler = self.study.sampler
        return sampler.expected_gain if isinstance(sampler, Guide) else float("nan")

    def ask(self) -> Proposal | None:
        """The next config for this worker; None when the search is over.

        It is over when there are `job.num_trials` candidates in all, when no new config can be
        found, or when the guide expects that the next one adds less than `job.min_gain` of the
        hypervolume. Until then this waits for what other workers still evaluate, and takes over
        their trials if they die.
        """
        while not self._is_over():
            if self._must_wait():
                time.sleep(WAIT_S)
                continue
            if self.expected_gain < self.job.min_gain and not self._has_ended():
                self._end()
                continue
            proposal = self.proposals.next()
            if proposal is None:
                self._end()
            elif self._is_one_too_many(proposal.trial):
                give_back(self.study, proposal.trial.number)  # other workers may yet die
            else:
                return proposal
        return None

    @contextmanager
    def claimed(self, proposal: Proposal) -> Iterator[None]:
        """Keep other workers from taking the proposal over; give it back if the block fails."""
        try:
            with claimed(proposal.trial, self.clock):
                yield
        except BaseException:  # Ctrl-C too
            give_back(self.study, proposal.trial.number)
            raise

    def tell(self, proposal: Proposal, evaluation: Evaluation) -> Evaluation | None:
        """Store what came out, and return it as stored, with the proposal's origin.

        None where another worker took this one for dead and has finished the trial.
        """
        candidate = replace(evaluation.candidate, origin=proposal.origin)
        trial = proposal.trial
        try:
            trial.set_user_attr("candidate", json.dumps(candidate.values()))
            trial.set_user_attr("correct", to_text(evaluation.correct))
            for index, excess in enumerate(self.job.limits.excess(candidate)):
                trial.set_constraint(f"limit{index}", excess)
            self.study.tell(trial, [candidate.value(name) for name in self.job.objectives])
        except UpdateFinishedTrialError:
            return None
        return replace(evaluation, candidate=candidate)

    def hand_over(self, proposal: Proposal, costs: Costs) -> None:
        """Store the costs, and leave the rest of the trial to a worker that scores accuracy."""
        hand_over(self.study, proposal.trial, costs)

    def _is_over(self) -> bool:
        """Whether all are there, or no more will come; what dead workers left is queued again."""
        take_back_abandoned(self.study, self.clock)
        if len(self.trials.known(TrialState.COMPLETE)) >= self.job.num_trials:
            return True
        return self._has_ended() and not self.trials.handed_over(
            TrialState.RUNNING, TrialState.WAITING
        )

    def _must_wait(self) -> bool:
        """Whether only other workers can go on for now."""
        num_waiting = len(self.trials.handed_over(TrialState.WAITING))
        if self.job.role == "accuracy":
            return not num_waiting
        is_last = self._has_ended() or len(self.trials.known()) >= self.job.num_trials
        if self.job.role == "latency":
            return num_waiting >= MAX_AHEAD or is_last
        return not num_waiting and is_last

    def _is_one_too_many(self, trial: Trial) -> bool:
        if has_costs(trial):  # it was counted before its costs were measured
            return False
        return len(self.proposals.begun_before(trial)) >= self.job.num_trials

    def _end(self) -> None:
        """Tell the other workers that no more proposals come."""
        if self.job.role != "accuracy":
            self.study.set_user_attr(ENDED, True)

    def _has_ended(self) -> bool:
        return bool(self.study.user_attrs.get(ENDED))
