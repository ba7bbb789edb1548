"""The guide: a sampler that maximises the expected hypervolume improvement of the Pareto front.

Two surrogates (`nas.search.surrogate`) are fitted to the evaluated configs: of top1 and of the log
of a cost (latency or MACs), on the logs of the width multipliers and the resolution. From a pool of
random configs and neighbours of front configs, the guide proposes the one with the largest
acquisition value, the expected hypervolume improvement (Emmerich, Deutz & Klinkenberg 2011). The
predicted cost is treated as exact, which gives a closed form: the integral, over all cost budgets
from the config's cost up, of the expected improvement over the best top1 within the budget. Budgets
are uniform in log cost, so halving the cost is worth the same everywhere.
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
"""With fewer evaluated configs, the guide proposes random ones."""
NUM_RANDOM, NUM_NEIGHBOURS = 1000, 2000
"""Configs in the pool: random ones, and neighbours of front configs."""
STEP = 0.15
"""Standard deviation of a neighbour's step, as a share of the parameter's range."""


class Guide(BaseSampler):
    """An Optuna sampler for studies with objectives (top1, costs ...): top1 is maximised.

    Args:
        seed: seeds the pool, together with the number of evaluated configs, so that a resumed
            search proposes the same configs as an uninterrupted one.
        is_new: whether no worker has started a config, given as Optuna parameters.
        cost: index of the objective that spans the front together with top1.
        is_foreign: whether to ignore a trial, because its values are of no evaluation.

    After a proposal, `expected_gain` is the share of the hypervolume that it is expected to add;
    NaN before the first proposal.
    """

    def __init__(
        self,
        *,
        seed: int,
        is_new: Callable[[Params], bool],
        cost: int = 1,
        is_foreign: Callable[[FrozenTrial], bool] = lambda trial: False,
    ) -> None:
        self.seed, self.is_new, self.cost, self.is_foreign = seed, is_new, cost, is_foreign
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
        names = sorted(search_space)
        done.sort(key=lambda each: [each.params[name] for name in names])
        evaluated = [each.params for each in done]
        x = _features(evaluated, search_space)
        top1 = np.array([each.values[0] for each in done])
        cost = np.log([each.values[self.cost] for each in done])
        # Constraints are value / limit - 1; the log of value / limit is as smooth as a cost's.
        excess = np.log1p([list(each.constraints.values()) for each in done])
        is_allowed = (excess <= 0).all(axis=1)
        steps = front_steps(cost[is_allowed], top1[is_allowed])
        on_front = _is_on_front(cost, top1, steps) & is_allowed
        rng = np.random.default_rng([self.seed, len(done)])
        pool = _pool([evaluated[index] for index in np.flatnonzero(on_front)], search_space, rng)
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
        """A uniform random value."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)


def _pool(
    front: Sequence[Params], space: dict[str, BaseDistribution], rng: np.random.Generator
) -> list[Params]:
    """Random configs of the space, and neighbours of the front."""
    drawn = [{name: _uniform(each, rng) for name, each in space.items()} for _ in range(NUM_RANDOM)]
    for _ in range(NUM_NEIGHBOURS if front else 0):
        drawn.append(_neighbour(front[int(rng.integers(len(front)))], space, rng))
    return drawn


def _uniform(each: BaseDistribution, rng: np.random.Generator) -> Any:
    if isinstance(each, CategoricalDistribution):
        return each.choices[rng.integers(len(each.choices))]
    assert isinstance(each, FloatDistribution)
    return float(rng.uniform(each.low, each.high))


def _neighbour(
    params: Params, space: dict[str, BaseDistribution], rng: np.random.Generator
) -> Params:
    """`params` with one or two of them changed: widths by a small step, others at random."""
    changed = dict(params)
    for name in rng.choice(list(space), size=rng.integers(1, 3), replace=False):
        each = space[name]
        if isinstance(each, FloatDistribution):
            moved = params[name] + rng.normal(0, STEP) * (each.high - each.low)
            changed[name] = float(np.clip(moved, each.low, each.high))
        else:
            changed[name] = _uniform(each, rng)
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


def _features(configs: Sequence[Params], space: dict[str, BaseDistribution]) -> Array:
    """Logs of the parameters, (n, num_parameters), because costs are products of parameters."""
    names: Sequence[Hashable] = sorted(space)
    return np.log([[float(config[str(name)]) for name in names] for config in configs])
