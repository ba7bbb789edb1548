"""The Optuna study: which config next, what came out, and how it goes on after a kill."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from nas.errors import StudyError
from planner import Candidate
from supernet import SubnetConfig, Supernet

DIRECTIONS: dict[str, Literal["maximize", "minimize"]] = {
    "top1": "maximize",
    "latency_p50_ms": "minimize",
    "macs": "minimize",
}
"""The objectives, in the order of a trial's values."""

MAX_SUGGESTIONS = 20
"""Suggestions of Optuna in a row that are all known before a random new config is taken."""

MAX_DRAWS = 2000
"""Random configs in a row that are all known before the search says that there are no more."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a candidate must keep to be on the front; None: no limit."""

    max_latency_ms: float | None = None
    max_macs: float | None = None

    def excess(self, candidate: Candidate) -> list[float]:
        """How far above each limit, relative to it; at most 0 where it is kept."""
        pairs = [
            (candidate.latency_p50_ms, self.max_latency_ms),
            (candidate.macs, self.max_macs),
        ]
        return [value / limit - 1 for value, limit in pairs if limit is not None]

    def allow(self, candidate: Candidate) -> bool:
        """Whether all limits are kept."""
        return all(excess <= 0 for excess in self.excess(candidate))


class Study:
    """Candidates that have been evaluated, and the next ones to evaluate.

    The uniform grid comes first, then Optuna's NSGA-II suggests. Configs whose widths round to
    the same channels are one config, and no config is evaluated twice. All state is in the storage
    (an Optuna URL), so a search goes on where it was killed.

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
    ) -> None:
        self.supernet, self.limits = supernet, limits
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.study = _open(storage, belongs_to, seed)
        self.rng = random.Random(f"{seed} {len(self._trials())}")
        self._abandon_running()
        self.seen = {self._channels(config) for config in _configs(self._trials(), storage)}
        self._enqueue_grid(random.Random(seed))

    def candidates(self) -> list[Candidate]:
        """All evaluated candidates, in the order of evaluation."""
        return [_candidate(trial) for trial in self._trials()]

    def run(
        self, evaluate: Callable[[SubnetConfig, str], Candidate], num_candidates: int
    ) -> Iterator[Candidate]:
        """Evaluate until there are `num_candidates` in all; yield each new one.

        `evaluate(config, origin)` measures; origin is "grid" or "search". Ends earlier when no
        new config can be found.
        """
        while len(self.seen) < num_candidates and (asked := self._ask_new()):
            trial, config, origin = asked
            candidate = evaluate(config, origin)
            trial.set_user_attr("candidate", json.dumps(asdict(candidate)))
            for index, excess in enumerate(self.limits.excess(candidate)):
                trial.set_constraint(f"limit{index}", excess)
            self.study.tell(trial, [getattr(candidate, name) for name in DIRECTIONS])
            self.seen.add(self._channels(config))
            yield candidate

    def _ask_new(self) -> tuple[Trial, SubnetConfig, str] | None:
        for _ in range(MAX_SUGGESTIONS):
            trial = self.study.ask()
            suggested = self._suggest(trial)
            if self._channels(suggested) not in self.seen:
                return trial, suggested, trial.user_attrs.get("origin", "search")
            self.study.tell(trial, state=TrialState.FAIL)
        config = self._draw_new()
        if config is None:
            return None
        self._enqueue(config, "search")
        trial = self.study.ask()
        return trial, self._suggest(trial), "search"

    def _draw_new(self) -> SubnetConfig | None:
        space = self.supernet.space
        for _ in range(MAX_DRAWS):
            widths = space.random_widths(self.rng)
            config = SubnetConfig(width_mults=widths, resolution=self.rng.choice(space.resolutions))
            if self._channels(config) not in self.seen:
                return config
        return None

    def _enqueue(self, config: SubnetConfig, origin: str) -> None:
        params = _params(config, self.supernet.space.num_groups)
        self.study.enqueue_trial(params, user_attrs={"origin": origin})

    def _suggest(self, trial: Trial) -> SubnetConfig:
        space = self.supernet.space
        widths = tuple(
            round(trial.suggest_float(name, *space.width_range), 4)
            for name in _width_names(space.num_groups)
        )
        resolution = trial.suggest_categorical("resolution", space.resolutions)
        return SubnetConfig(width_mults=widths, resolution=resolution)

    def _enqueue_grid(self, rng: random.Random) -> None:
        """Queue what is missing of the uniform grid: the corners, then the rest in random order."""
        space = self.supernet.space
        waiting = {_fixed_params(t) for t in self.study.get_trials(states=(TrialState.WAITING,))}
        configs = {self._channels(c): c for c in reversed(list(space.grid()))}
        corners = [configs.pop(self._channels(c), c) for c in (space.largest, space.smallest)]
        rest = list(configs.values())
        rng.shuffle(rest)
        for config in [*corners, *rest]:
            params = _params(config, space.num_groups)
            if self._channels(config) in self.seen or tuple(sorted(params.items())) in waiting:
                continue
            self._enqueue(config, "grid")

    def _abandon_running(self) -> None:
        """A trial that was running when its process was killed is nobody's any more."""
        for trial in self.study.get_trials(states=(TrialState.RUNNING,)):
            self.study.tell(trial.number, state=TrialState.FAIL)

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(states=(TrialState.COMPLETE,))

    def _channels(self, config: SubnetConfig) -> tuple[int, ...]:
        """What makes two configs the same: channels kept in each group, and the resolution."""
        return *self.supernet.kept_counts(config), config.resolution


def _open(storage: str, belongs_to: dict[str, str], seed: int) -> optuna.Study:
    try:
        study = optuna.create_study(
            storage=storage,
            study_name="search",
            directions=[*DIRECTIONS.values()],
            load_if_exists=True,
        )
        num_trials = len(study.get_trials(deepcopy=False))
        if not num_trials:
            study.set_user_attr("belongs_to", belongs_to)
        before = study.user_attrs.get("belongs_to", {})
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise StudyError(
            f"{storage} must be an Optuna storage that can be read and written, but got: {reason}; "
            "mend or delete it, or choose another --out"
        ) from error
    changed = [
        f"{k} was {before.get(k)}, is {v}" for k, v in belongs_to.items() if before.get(k) != v
    ]
    if changed:
        raise StudyError(
            "a search goes on with the supernet and the target it began with, but "
            f"{'; '.join(changed)}: choose another --out"
        )
    # A resumed study must not repeat the suggestions that it began with.
    study.sampler = optuna.samplers.NSGAIISampler(seed=seed + num_trials)
    return study


def _width_names(num_groups: int) -> list[str]:
    return ["width"] if num_groups == 1 else [f"width{index}" for index in range(num_groups)]


def _params(config: SubnetConfig, num_groups: int) -> dict[str, float]:
    widths = config.width_mults * (num_groups // len(config.width_mults))
    named = dict(zip(_width_names(num_groups), widths, strict=True))
    return {**named, "resolution": config.resolution}


def _fixed_params(trial: FrozenTrial) -> tuple[tuple[str, float], ...]:
    """The parameters with which a waiting trial was queued."""
    return tuple(sorted(trial.system_attrs.get("fixed_params", {}).items()))


def _candidate(trial: FrozenTrial) -> Candidate:
    values = json.loads(trial.user_attrs["candidate"])
    return Candidate(**values | {"width_mults": tuple(values["width_mults"])})


def _configs(trials: list[FrozenTrial], storage: str) -> list[SubnetConfig]:
    """The configs of evaluated trials; raise StudyError where one does not hold its candidate."""
    try:
        candidates = [_candidate(trial) for trial in trials]
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(
            f"every evaluated trial in {storage} must hold its candidate, but one does not: "
            "mend or delete the storage, or choose another --out"
        ) from error
    return [SubnetConfig(width_mults=c.width_mults, resolution=c.resolution) for c in candidates]
