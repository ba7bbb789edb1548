"""The guide: a sampler that maximises the expected hypervolume improvement of the Pareto front.

Surrogates (`nas.search.surrogate`) are fitted to the evaluated configs: of top1 and of the log of
each cost (latency, MACs ...), on the logs of the width multipliers and the resolution. Of all
configs or, where there are too many, of random ones and neighbours of front configs, the guide
proposes the one with the largest acquisition value, the expected hypervolume improvement (Emmerich,
Deutz & Klinkenberg 2011). The predicted cost is treated as exact, which gives a closed form: the
integral, over all cost budgets from the config's cost up, of the expected improvement over the best
top1 within the budget. Budgets are uniform in log cost, so halving the cost is worth the same
everywhere. Of several costs each spans a front with top1, and the mean of the shares that a config
adds to them counts. What other workers are evaluating counts as evaluated, with the values that the
surrogates predict (the kriging believer of Ginsbourger, Le Riche & Carraro 2010), so that
workers do not crowd around one optimum.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna import Study
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import intersection_search_space
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import norm

from nas.search.surrogate import Surrogate, Surrogates
from planner.pareto import front_indices

Array = NDArray[np.float64]
Params = dict[str, Any]
Space = Mapping[str, IntDistribution]

MIN_EVALUATED = 12
"""With fewer evaluated configs, the guide proposes random ones."""
NUM_RANDOM, NUM_NEIGHBOURS = 1000, 2000
"""Configs in the pool: random ones, and neighbours of front configs. A space that has no more
configs is the pool itself."""


MAX_SCORED = 300
"""Of the configs that were scored elsewhere, so many are learnt from: more take seconds."""


class Guide(BaseSampler):
    """An Optuna sampler for studies with objectives (top1, costs ...): top1 is maximised.

    Args:
        seed: seeds the pool, together with the number of evaluated configs, so that a resumed
            search proposes the same configs as an uninterrupted one.
        is_new: whether no worker has started a config, given as Optuna parameters.
        features: inputs of the surrogates for a config, given as Optuna parameters: the logs of its
            widths and resolution, because costs are products of them.
        excess: by how much a complete trial violates each constraint, as shares: at most 0 where
            it is kept; by default what the trial itself says.
        is_foreign: whether to ignore a trial, because its values are of no evaluation.
        scored: inputs, (n, num_inputs), and top1, (n,), of configs whose top1 is known from
            elsewhere; their costs are not.

    After a proposal, `expected_gain` is the share of the hypervolume that it is expected to add;
    NaN before the first proposal.
    """

    def __init__(
        self,
        *,
        seed: int,
        is_new: Callable[[Params], bool],
        features: Callable[[Params], Sequence[float]],
        excess: Callable[[FrozenTrial], list[float]] = lambda trial: [*trial.constraints.values()],
        is_foreign: Callable[[FrozenTrial], bool] = lambda trial: False,
        scored: tuple[Array, Array] | None = None,
    ) -> None:
        self.seed, self.is_new, self.features = seed, is_new, features
        self.excess, self.is_foreign, self.scored = excess, is_foreign, scored
        self.expected_gain = float("nan")
        self._random = RandomSampler(seed=seed)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The intersection search space of the study's trials."""
        trials = study.get_trials(deepcopy=False)
        return intersection_search_space([each for each in trials if not self.is_foreign(each)])

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> Params:
        """The config of the pool with the largest acquisition value.

        Empty, so that Optuna samples at random, if too few configs are evaluated or none is new.
        """
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        done = [each for each in done if not self.is_foreign(each)]
        if len(done) < MIN_EVALUATED or not search_space:
            return {}
        space = {name: _int(search_space[name]) for name in sorted(search_space)}
        done.sort(key=lambda each: [each.params[name] for name in space])
        rng = np.random.default_rng([self.seed, len(done)])
        x = self._inputs([each.params for each in done])
        known = _Known(
            params=[each.params for each in done],
            x=x,
            scored=_without(x, self.scored),
            top1=np.array([each.values[0] for each in done]),
            costs=np.log([each.values[1:] for each in done]),
            # The excess is value / bound - 1; the log of value / bound is as smooth as a cost's.
            excess=np.log1p([self.excess(each) for each in done]),
        )
        known = self._with_believed(known, _begun(study, trial, space))
        pool = _pool(known.front_params(), space, rng)
        gains, area = known.gains(self._inputs(pool))
        by_gain = np.argsort(-gains, kind="stable")
        best = next((int(index) for index in by_gain if self.is_new(pool[index])), None)
        if best is None:
            return {}
        self.expected_gain = float(gains[best]) if area > 0 else float("inf")
        return pool[best]

    def _inputs(self, configs: Sequence[Params]) -> Array:
        """Inputs of the surrogates, (n, num_inputs)."""
        return np.array([self.features(each) for each in configs], dtype=np.float64)

    def _with_believed(self, known: "_Known", begun: Sequence[Params]) -> "_Known":
        """`known` and the begun configs, with the values that are predicted for them."""
        if not begun:
            return known
        x = self._inputs(begun)
        models = known.models

        def believed(y: Array) -> Array:
            return np.append(y, models.fit(y).predict(x)[0])

        return _Known(
            params=[*known.params, *begun],
            x=np.vstack([known.x, x]),
            scored=known.scored,
            top1=np.append(known.top1, known.top1_model.predict(x)[0]),
            costs=np.column_stack([believed(each) for each in known.costs.T]),
            excess=np.array([believed(each) for each in known.excess.T]).T.reshape(
                len(known.params) + len(begun), known.excess.shape[1]
            ),
        )

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        """A uniform random value."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)


@dataclass(frozen=True)
class _Known:
    """The n configs that the guide knows values of."""

    params: list[Params]
    x: Array
    """(n, num_inputs)."""
    scored: tuple[Array, Array]
    """Inputs and top1 of further configs, whose costs are not known."""
    top1: Array
    """(n,)."""
    costs: Array
    """(n, num_costs), logs."""
    excess: Array
    """(n, num_constraints), logs: at most 0 where the constraint is kept."""

    @cached_property
    def models(self) -> Surrogates:
        """Of what is known of the n configs."""
        return Surrogates(self.x)

    @cached_property
    def top1_model(self) -> Surrogate:
        """Of all configs whose top1 is known."""
        x, top1 = self.scored
        if not len(top1):
            return self.models.fit(self.top1)
        return Surrogates(np.vstack([self.x, x])).fit(np.append(self.top1, top1))

    @property
    def is_allowed(self) -> NDArray[np.bool_]:
        return np.asarray((self.excess <= 0).all(axis=1))

    def steps(self, cost: Array) -> tuple[Array, Array]:
        """The front of top1 and one of the costs."""
        return front_steps(cost[self.is_allowed], self.top1[self.is_allowed])

    def front_params(self) -> list[Params]:
        on_front = np.zeros(len(self.params), dtype=bool)
        for cost in self.costs.T:
            on_front |= _is_on_front(cost, self.top1, self.steps(cost)) & self.is_allowed
        return [self.params[index] for index in np.flatnonzero(on_front)]

    def gains(self, pool_x: Array) -> tuple[Array, float]:
        """Expected improvements of the configs with inputs `pool_x`, (n,); higher is better.

        And the smallest hypervolume until now, of top1 and one cost.

        Each is the share that the config is expected to add to the hypervolume, the mean over the
        costs. It is negative for a config that is predicted to violate a constraint: the sum of its
        excesses, so that a search which knows no config that keeps all goes where they are small.
        """
        models = self.models
        mean, std = self.top1_model.predict(pool_x)
        floor, gains, areas = float(self.top1.min()), np.zeros(len(pool_x)), list[float]()
        for cost in self.costs.T:
            pool_cost, _ = models.fit(cost).predict(pool_x)
            steps, end = self.steps(cost), float(cost.max())
            found = expected_gains(mean, std, pool_cost, steps=steps, floor=floor, end=end)
            areas.append(_area(steps, floor, end))
            gains += (found / areas[-1] if areas[-1] > 0 else found) / self.costs.shape[1]
        excess = np.zeros(len(pool_x))
        for each in self.excess.T:
            excess += np.clip(models.fit(each).predict(pool_x)[0], 0, None)
        return np.where(excess > 0, -excess, gains), min(areas)


def _without(x: Array, scored: tuple[Array, Array] | None) -> tuple[Array, Array]:
    """Those of `scored` that are not among `x`, at most MAX_SCORED of them, evenly spread."""
    if scored is None:
        return x[:0], np.empty(0)
    mine = set(map(tuple, x.tolist()))
    others = np.flatnonzero([tuple(each) not in mine for each in scored[0].tolist()])
    if len(others) > MAX_SCORED:
        others = others[np.linspace(0, len(others) - 1, MAX_SCORED).astype(int)]
    return scored[0][others], scored[1][others]


def _begun(study: Study, trial: FrozenTrial, space: Space) -> list[Params]:
    """Parameters of the trials that other workers are evaluating at this moment."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [
        each.params
        for each in running
        if each.number != trial.number and space.keys() <= each.params.keys()
    ]


def _pool(front: Sequence[Params], space: Space, rng: np.random.Generator) -> list[Params]:
    """All configs of the space or, of too many, random ones and neighbours of the front."""
    num_configs = math.prod(each.high - each.low + 1 for each in space.values())
    if num_configs <= NUM_RANDOM + NUM_NEIGHBOURS:
        ranges = [range(each.low, each.high + 1) for each in space.values()]
        return [dict(zip(space, each, strict=True)) for each in itertools.product(*ranges)]
    drawn = [{name: _uniform(each, rng) for name, each in space.items()} for _ in range(NUM_RANDOM)]
    for _ in range(NUM_NEIGHBOURS if front else 0):
        drawn.append(_neighbour(front[int(rng.integers(len(front)))], space, rng))
    return drawn


def _int(each: BaseDistribution) -> IntDistribution:
    assert isinstance(each, IntDistribution)
    return each


def _uniform(each: IntDistribution, rng: np.random.Generator) -> int:
    return int(rng.integers(each.low, each.high + 1))


def _neighbour(params: Params, space: Space, rng: np.random.Generator) -> Params:
    """`params` with one or two of them changed, by one step or, half as often, two."""
    changed = dict(params)
    for name in rng.choice(
        list(space), size=min(len(space), int(rng.integers(1, 3))), replace=False
    ):
        moved = params[name] + rng.choice([-2, -1, -1, 1, 1, 2])
        changed[str(name)] = int(np.clip(moved, space[str(name)].low, space[str(name)].high))
    return changed


def expected_gains(
    mean: Array, std: Array, cost: Array, *, steps: tuple[Array, Array], floor: float, end: float
) -> Array:
    """Expected hypervolume improvement of each of n configs, (n,); higher is better.

    Args:
        mean: (n,), mean of the predicted top1, a normal distribution.
        std: (n,), its standard deviation.
        cost: (n,), log of the cost, treated as exact.
        steps: the current front, from `front_steps`.
        floor: top1 of the reference point.
        end: log cost of the reference point; configs that cost more gain nothing.
    """
    begins, levels = np.append(-np.inf, steps[0]), np.append(floor, steps[1])
    ends = np.append(steps[0], end)
    widths = np.clip(np.minimum(ends, end) - np.maximum(begins, cost[:, None]), 0, None)
    z = (mean[:, None] - levels) / std[:, None]
    improvements = std[:, None] * (z * norm.cdf(z) + norm.pdf(z))
    return np.asarray((widths * improvements).sum(axis=1))


def front_steps(cost: Array, top1: Array) -> tuple[Array, Array]:
    """The front as a step function (costs, top1), both increasing: the best top1 from each cost."""
    front = front_indices([*zip(top1.tolist(), cost.tolist(), strict=True)])
    return cost[front], top1[front]


def _is_on_front(cost: Array, top1: Array, steps: tuple[Array, Array]) -> NDArray[np.bool_]:
    pairs = set(zip(*steps, strict=True))
    return np.array([pair in pairs for pair in zip(cost, top1, strict=True)])


def _area(steps: tuple[Array, Array], floor: float, end: float) -> float:
    return float(np.sum(np.diff(np.append(steps[0], end)) * (steps[1] - floor)))
