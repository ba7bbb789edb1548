"""Belief: what a search takes each config's top1 to be, from all that it has scored.

A config is on the front if its score on `selection` is high, and a score is high if the config is
good or lucky. So the front is chosen by the mean of the surrogate's posterior, which shrinks each
score towards those of its neighbours (Gelman, Hill & Yajima 2012 on partial pooling), and reported
by what `report` says. The same surrogates tell which configs the uniform grid's front would have.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from nas.conversions import subnet_config
from nas.evaluate.evaluation import Evaluation
from nas.search.guide import MIN_EVALUATED
from nas.search.steps import Steps
from nas.search.surrogate import Array, Surrogates
from planner.pareto import front_indices
from supernet import SubnetConfig, Supernet


class Belief:
    """The surrogates of a search's evaluations; with too few of them, the scores themselves.

    Args:
        supernet: the one that was searched.
        evaluations: at least one.
        steps: of which the evaluated configs consist.
    """

    def __init__(self, supernet: Supernet, evaluations: Sequence[Evaluation], steps: Steps) -> None:
        self._all_steps = Steps.all_of(supernet, steps.dtypes)
        self._steps, self._space = steps, supernet.space
        candidates = [each.candidate for each in evaluations]
        self._names = [each.config_id for each in candidates]
        self._scored = np.array([each.accuracy.top1 for each in candidates])
        self._x = self._inputs(map(subnet_config, candidates))
        models = Surrogates(self._x) if len(candidates) >= MIN_EVALUATED else None
        self._top1 = models and models.fit(self._scored)
        self._log_ms = models and models.fit(np.log([each.latency.p50_ms for each in candidates]))

    @property
    def top1(self) -> dict[str, float]:
        """The believed top1 on `selection` of each evaluated config, by its config_id."""
        believed = self._scored
        if self._top1:
            believed, _ = self._top1.predict(self._x)
        return dict(zip(self._names, np.clip(believed, 0, 1).tolist(), strict=True))

    def grid_front(self) -> dict[SubnetConfig, float]:
        """The uniform grid's front with its believed top1, the fastest first.

        A config between two steps is taken for the next step, which is as fast and no less
        accurate: nothing is known of what lies between, so this errs in favour of the grid. Empty
        where too little is evaluated.
        """
        if not (self._top1 and self._log_ms):
            return {}
        # Of configs that are taken for the same one, the widest stands.
        uniform: dict[SubnetConfig, SubnetConfig] = {}
        for config in self._steps.in_each_dtype(self._space.grid()):
            uniform.setdefault(self._steps.lifted(config), config)
        x = self._inputs(uniform)
        top1, _ = self._top1.predict(x)
        cost, _ = self._log_ms.predict(x)
        front = front_indices([*zip(top1.tolist(), cost.tolist(), strict=True)])
        configs = list(uniform.values())
        return {configs[index]: float(np.clip(top1[index], 0, 1)) for index in front}

    def _inputs(self, configs: Iterable[SubnetConfig]) -> Array:
        """Inputs of the surrogates, (n, num_inputs)."""
        return np.array([self._all_steps.features(config) for config in configs])
