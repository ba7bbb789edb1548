"""The guide: proposes the config from which the front should gain most.

Two cheap models (`nas.search.surrogate`) are fitted to what has been evaluated: of top1 and of the
log of a cost (latency, or MACs), from the logs of width multipliers and resolution. Of a pool of
configs (random ones, and neighbours of those on the front) the guide takes the one with the largest
expected improvement of the hypervolume (Emmerich, Deutz & Klinkenberg 2011), which for a known cost
is exact: the integral, over all budgets from the config's cost up, of the expected improvement over
the best that the budget buys so far. Budgets are spread evenly in log cost, so that twice as cheap
is worth the same everywhere.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import intersection_search_space
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import norm

from nas.search.surrogate import Surrogates
from planner.pareto import front_indices

Array = NDArray[np.float64]
Params = dict[str, Any]

MIN_EVALUATED = 12
"""Evaluated configs before the guide fits a model; until then it proposes at random."""
NUM_RANDOM, NUM_NEIGHBOURS = 1000, 2000
"""Configs in the pool: anywhere, and near the front."""
STEP = 0.15
"""Standard deviation of a neighbour's change, as a share of the parameter's range."""


class Guide(BaseSampler):
    """An Optuna sampler for studies with values (top1, costs ...), maximised and minimised.

    Args:
        seed: of the pool, together with the number of configs that have been evaluated: a search
            that was stopped goes on as if it had not been.
        is_new: whether no worker has begun a config yet; it takes Optuna's parameters.
        cost: which of the values the front is about, besides top1.

    After a proposal `expected_gain` tells what share of the hypervolume it is expected to add;
    NaN before the first.
    """

    def __init__(self, *, seed: int, is_new: Callable[[Params], bool], cost: int = 1) -> None:
        self.seed, self.is_new, self.cost = seed, is_new, cost
        self.expected_gain = float("nan")
        self._random = RandomSampler(seed=seed)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """What all evaluated trials have in common."""
        return intersection_search_space(study.get_trials(deepcopy=False))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> Params:
        """The best config of the pool; empty, for a random draw, before MIN_EVALUATED trials."""
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(done) < MIN_EVALUATED or not search_space:
            return {}
        names = sorted(search_space)
        done.sort(key=lambda each: [each.params[name] for name in names])
        known = [each.params for each in done]
        x = _features(known, search_space)
        top1 = np.array([each.values[0] for each in done])
        cost = np.log([each.values[self.cost] for each in done])
        # Constraints are value / limit - 1; their log is as smooth as that of a cost.
        excess = np.log1p([list(each.constraints.values()) for each in done])
        is_allowed = (excess <= 0).all(axis=1)
        steps = front_steps(cost[is_allowed], top1[is_allowed])
        on_front = _is_on_front(cost, top1, steps) & is_allowed
        rng = np.random.default_rng([self.seed, len(done)])
        pool = _pool([known[index] for index in np.flatnonzero(on_front)], search_space, rng)
        pool_x = _features(pool, search_space)
        models = Surrogates(x)
        mean, std = models.fit(top1).predict(pool_x)
        pool_cost, _ = models.fit(cost).predict(pool_x)
        end, floor = float(cost.max()), float(top1.min())
        gains = expected_gains(mean, std, pool_cost, steps=steps, floor=floor, end=end)
        for each in excess.T:
            gains[models.fit(each).predict(pool_x)[0] > 0] = 0.0
        by_gain = np.argsort(-gains, kind="stable")
        best = next((int(index) for index in by_gain if self.is_new(pool[index])), None)
        if best is None:
            return {}
        total = _area(steps, floor, end)
        self.expected_gain = float(gains[best] / total) if total > 0 else float("inf")
        return pool[best]

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        """A uniform draw."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)


def _pool(
    front: Sequence[Params], space: dict[str, BaseDistribution], rng: np.random.Generator
) -> list[Params]:
    """Configs from anywhere in the space and around the front."""
    drawn = [
        {name: _anywhere(each, rng) for name, each in space.items()} for _ in range(NUM_RANDOM)
    ]
    for _ in range(NUM_NEIGHBOURS if front else 0):
        drawn.append(_neighbour(front[int(rng.integers(len(front)))], space, rng))
    return drawn


def _anywhere(each: BaseDistribution, rng: np.random.Generator) -> Any:
    if isinstance(each, CategoricalDistribution):
        return each.choices[rng.integers(len(each.choices))]
    assert isinstance(each, FloatDistribution)
    return float(rng.uniform(each.low, each.high))


def _neighbour(
    params: Params, space: dict[str, BaseDistribution], rng: np.random.Generator
) -> Params:
    """`params` with one or two of them changed a little."""
    changed = dict(params)
    for name in rng.choice(list(space), size=rng.integers(1, 3), replace=False):
        each = space[name]
        if isinstance(each, FloatDistribution):
            moved = params[name] + rng.normal(0, STEP) * (each.high - each.low)
            changed[name] = float(np.clip(moved, each.low, each.high))
        else:
            changed[name] = _anywhere(each, rng)
    return changed


def expected_gains(
    mean: Array, std: Array, cost: Array, *, steps: tuple[Array, Array], floor: float, end: float
) -> Array:
    """Expected growth of the area under the front, for each of n configs; higher is better.

    Args:
        mean: (n,) of top1's prediction, a normal distribution.
        std: (n,) of it.
        cost: (n,) its log, taken as known.
        steps: the front, as from `front_steps`.
        floor: what a budget below the front's fastest buys.
        end: log cost up to which budgets count; what costs more gains nothing.
    """
    begins, levels = np.append(-np.inf, steps[0]), np.append(floor, steps[1])
    ends = np.append(steps[0], end)
    widths = np.clip(np.minimum(ends, end) - np.maximum(begins, cost[:, None]), 0, None)
    z = (mean[:, None] - levels) / std[:, None]
    improvements = std[:, None] * (z * norm.cdf(z) + norm.pdf(z))
    return np.asarray((widths * improvements).sum(axis=1))


def front_steps(cost: Array, top1: Array) -> tuple[Array, Array]:
    """The front as (cost, top1), both rising: from each cost on, so much top1 can be had."""
    front = front_indices([*zip(top1.tolist(), cost.tolist(), strict=True)])
    return cost[front], top1[front]


def _is_on_front(cost: Array, top1: Array, steps: tuple[Array, Array]) -> NDArray[np.bool_]:
    pairs = set(zip(*steps, strict=True))
    return np.array([pair in pairs for pair in zip(cost, top1, strict=True)])


def _area(steps: tuple[Array, Array], floor: float, end: float) -> float:
    return float(np.sum(np.diff(np.append(steps[0], end)) * (steps[1] - floor)))


def _features(configs: Sequence[Params], space: dict[str, BaseDistribution]) -> Array:
    """(n, parameters): the log of each, since costs are products of them."""
    names: Sequence[Hashable] = sorted(space)
    return np.log([[float(config[str(name)]) for name in names] for config in configs])
