"""The Optuna study: which config next, what came out, and how it goes on after a kill.

Any number of workers share one study. All state is in the storage; a worker that dies leaves a
claim that goes stale, and another one does its trial again (see `nas.search.claim`).
"""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Literal

from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial, TrialState

from nas.errors import StudyError
from nas.evaluate.evaluation import Costs, Scored, to_text
from nas.search.claim import CONTINUES, Clock, claimed, give_back, take_back_abandoned
from nas.search.guide import Guide
from nas.search.limits import Limits
from nas.search.parameters import suggest, to_config, to_parameters
from nas.search.roles import hand_over, has_costs, take, turn
from nas.search.samplers import make_sampler
from nas.search.storage import open_study, without_password
from nas.search.trials import Trials
from planner import Candidate
from supernet import SubnetConfig, Supernet

DIRECTIONS: dict[str, Literal["maximize", "minimize"]] = {
    "top1": "maximize",
    "latency_p50_ms": "minimize",
    "macs": "minimize",
    "peak_memory_bytes": "minimize",
}
"""What may be an objective: fields of a candidate."""

OBJECTIVES = ("top1", "latency_p50_ms", "macs")
"""In the order of a trial's values. Front, guide and races are about the first two."""

MAX_SUGGESTIONS = 20
"""Suggestions of the sampler in a row that are all known before a random new config is taken."""

MAX_DRAWS = 2000
"""Random configs in a row that are all known before the search says that there are no more."""

WAIT_S = 0.5
"""Between looks at what other workers still do."""

ENDED = "ended"
"""Attribute of a study for which no worker has more proposals."""

MAX_AHEAD = 4
"""Candidates with costs but without top1 before a worker that only measures waits: what it would
propose is the better the more is known."""

Evaluate = Callable[[SubnetConfig, str], Scored | Costs]
"""Measures a config; the second argument is its origin, "grid" or "search". Returns the costs alone
where the worker can't do more."""


class Study:
    """Candidates that have been evaluated, and the next ones to evaluate.

    The uniform grid comes first, then the sampler proposes. Configs whose widths round to the same
    channels are one config, and no config is evaluated twice. All state is in the storage, so a
    search goes on where it was killed, and several workers can share it.

    Args:
        supernet: whose configs are searched.
        storage: see `nas.search.storage`.
        belongs_to: what the numbers were measured with; another search is refused.
        limits: what the front must keep.
        seed: of the grid's order and of the proposals.
        sampler: one of `nas.search.samplers.SAMPLERS`.
        objectives: what the sampler is told of a candidate, top1 and latency first.
        cost: which of them the guide spends for top1. MACs are the same each time that they are
            counted, so that one worker with the same seed finds the same candidates again.
        role: what this worker can do, one of `nas.search.roles.ROLES`.
        first: configs to evaluate before the grid, such as the best found elsewhere.
        clock: seconds since the epoch; of the claims.

    Raises StudyError where the storage is damaged or belongs to another search.
    """

    def __init__(
        self,
        supernet: Supernet,
        storage: str,
        *,
        belongs_to: dict[str, str],
        limits: Limits,
        seed: int,
        sampler: str = "guide",
        objectives: Sequence[str] = OBJECTIVES,
        cost: str = "latency_p50_ms",
        role: str = "all",
        first: Sequence[SubnetConfig] = (),
        clock: Clock = time.time,
    ) -> None:
        self.supernet, self.limits, self.clock = supernet, limits, clock
        self.objectives, self.role = tuple(objectives), role
        self.study = open_study(
            storage,
            directions=[DIRECTIONS[name] for name in objectives],
            belongs_to=belongs_to | {"objectives": " ".join(objectives)},
            may_begin=role != "accuracy",
        )
        take_back_abandoned(self.study, clock)
        self.trials = Trials(self.study, supernet, without_password(storage))
        self.trials.scored()  # damage shows now, not after hours
        if role != "accuracy" and self._has_ended():
            self.study.set_user_attr(ENDED, False)
        if role != "accuracy":
            self._enqueue_first(first, random.Random(seed))
        self.seed = seed
        self._taken: set[tuple[int, ...]] = set()  # while the sampler proposes
        self.study.sampler = make_sampler(
            sampler,
            seed,
            num_done=len(self.trials.of(TrialState.COMPLETE, TrialState.RUNNING)),
            is_new=self._is_new,
            cost=self.objectives.index(cost),
        )

    def candidates(self) -> list[Candidate]:
        """All evaluated candidates, each config once, in the order of their trials."""
        return [scored.candidate for scored in self.trials.scored()]

    def scored(self) -> list[Scored]:
        """The same, with what each answered right."""
        return self.trials.scored()

    def costs_of(self, config: SubnetConfig) -> Costs | None:
        """What another worker has measured of a config; None: nothing."""
        return self.trials.costs_of(config)

    @property
    def expected_gain(self) -> float:
        """Share of the hypervolume that the next candidate should add; NaN where nobody knows."""
        sampler = self.study.sampler
        return sampler.expected_gain if isinstance(sampler, Guide) else float("nan")

    def run(
        self, evaluate: Evaluate, num_candidates: int, *, min_gain: float = 0.0
    ) -> Iterator[Candidate]:
        """Evaluate until there are `num_candidates` in all; yield each that this worker adds.

        Ends earlier when no new config can be found, or when the guide expects that the next one
        adds less than `min_gain` of the hypervolume. Waits for what other workers still evaluate,
        and does it itself if they die.
        """
        while not self._is_over(num_candidates):
            if self._must_wait(num_candidates):
                time.sleep(WAIT_S)
                continue
            asked = self._ask_new()
            if asked is None:
                self._end()
                continue
            if self._is_one_too_many(asked[0], num_candidates):
                give_back(self.study, asked[0].number)  # others were faster; they may yet die
                continue
            scored = self._evaluate(evaluate, *asked)
            if scored is not None:
                yield scored.candidate
            if self.expected_gain < min_gain:
                self._end()

    def _is_over(self, num_candidates: int) -> bool:
        """Whether all are there, or no more will come; what dead workers left is queued again."""
        take_back_abandoned(self.study, self.clock)
        if len(self.trials.known(TrialState.COMPLETE)) >= num_candidates:
            return True
        return self._has_ended() and not self.trials.handed_over(
            TrialState.RUNNING, TrialState.WAITING
        )

    def _must_wait(self, num_candidates: int) -> bool:
        """Whether only others can go on for now."""
        num_waiting = len(self.trials.handed_over(TrialState.WAITING))
        if self.role == "accuracy":
            return not num_waiting
        if self.role == "latency":
            is_ahead = num_waiting >= MAX_AHEAD or self._has_ended()
            return is_ahead or len(self.trials.known()) >= num_candidates
        return not num_waiting and (self._has_ended() or len(self.trials.known()) >= num_candidates)

    def _is_one_too_many(self, trial: Trial, num_candidates: int) -> bool:
        if has_costs(trial):  # it was counted before its costs were measured
            return False
        return len(self._begun_before(trial)) >= num_candidates

    def _end(self) -> None:
        """Tell the others that no more proposals come."""
        if self.role != "accuracy":
            self.study.set_user_attr(ENDED, True)

    def _has_ended(self) -> bool:
        return bool(self.study.user_attrs.get(ENDED))

    def _evaluate(
        self, evaluate: Evaluate, trial: Trial, config: SubnetConfig, origin: str
    ) -> Scored | None:
        """What came out; None where another worker does the rest, or took this one for dead."""
        try:
            with claimed(trial, self.clock):
                scored = evaluate(config, origin)
            if not isinstance(scored, Scored):
                hand_over(self.study, trial, scored)
                return None
        except BaseException:  # Ctrl-C too
            give_back(self.study, trial.number)
            raise
        try:
            candidate = scored.candidate
            trial.set_user_attr("candidate", json.dumps(asdict(candidate)))
            trial.set_user_attr("right", to_text(scored.right))
            for index, excess in enumerate(self.limits.excess(candidate)):
                trial.set_constraint(f"limit{index}", excess)
            self.study.tell(trial, [getattr(candidate, name) for name in self.objectives])
        except UpdateFinishedTrialError:
            return None
        return scored

    def _ask_new(self) -> tuple[Trial, SubnetConfig, str] | None:
        """A trial of a config that nobody has begun; None when there are no more."""
        tries = 0
        while tries < MAX_SUGGESTIONS or self._enqueue_random():
            self._taken = self.trials.known()
            trial = take(self.study, self.role)
            if trial is None:
                return None
            config = suggest(trial, self.supernet.space)
            if self.trials.channels(config) not in self._begun_before(trial):
                return trial, config, trial.user_attrs.get("origin", "search")
            self.study.tell(trial, state=TrialState.FAIL)
            tries += 1
        return None

    def _begun_before(self, trial: Trial) -> set[tuple[int, ...]]:
        """What others have evaluated, or have before this trial: of two, the one with costs goes
        on, or else the lower number; a copy before what it continues.

        The storage gives numbers out one by one, so they serve as the tickets of Lamport's bakery
        (CACM 17:8, 1974): wait until all with lower ones have shown what they hold.
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
            time.sleep(WAIT_S / 10)
            take_back_abandoned(self.study, self.clock)

    def _enqueue_random(self) -> bool:
        """Queue a random config that is new; False when none was found."""
        space, known = self.supernet.space, self.trials.known()
        rng = random.Random(f"{self.seed} {len(known)}")
        for _ in range(MAX_DRAWS):
            widths = space.random_widths(rng)
            config = SubnetConfig(width_mults=widths, resolution=rng.choice(space.resolutions))
            if self.trials.channels(config) not in known:
                self._enqueue(config, "search")
                return True
        return False

    def _enqueue_first(self, first: Sequence[SubnetConfig], rng: random.Random) -> None:
        """Queue what is missing of the uniform grid's corners, `first`, and the rest of the grid
        in random order."""
        space = self.supernet.space
        known = self.trials.known(TrialState.COMPLETE, TrialState.RUNNING, TrialState.WAITING)
        configs = {self.trials.channels(c): c for c in reversed(list(space.grid()))}
        corners = [configs.pop(self.trials.channels(c), c) for c in (space.largest, space.smallest)]
        rest = list(configs.values())
        rng.shuffle(rest)
        given = {self.trials.channels(self._inside(config)): config for config in first}
        on_grid = {self.trials.channels(config) for config in [*corners, *rest]}
        for config in [*corners, *given.values(), *rest]:
            channels = self.trials.channels(config)
            if channels not in known:
                known.add(channels)
                self._enqueue(config, "grid" if channels in on_grid else "search")

    def _inside(self, config: SubnetConfig) -> SubnetConfig:
        """The same; raise StudyError where the space doesn't hold it."""
        space = self.supernet.space
        low = space.width_range[0]
        if config.resolution not in space.resolutions or min(config.width_mults) < low:
            raise StudyError(
                f"a config to start with must have widths from {low} and a resolution of "
                f"{space.resolutions}, but got {config.config_id}: leave it out"
            )
        return config

    def _enqueue(self, config: SubnetConfig, origin: str) -> None:
        params = to_parameters(config, self.supernet.space.num_groups)
        self.study.enqueue_trial(params, user_attrs={"origin": origin})

    def _is_new(self, params: Mapping[str, float]) -> bool:
        """Whether nobody has begun with the config of these parameters."""
        config = to_config(params, self.supernet.space.num_groups)
        return config is not None and self.trials.channels(config) not in self._taken
