"""A cheap model of a number that depends on a config: top1, or log latency.

A quadratic, by Bayesian ridge regression, and a Gaussian process for what it leaves: the quadratic
knows the trend from a dozen configs on, the process learns what is particular to a region as more
are evaluated there (universal kriging; Rasmussen & Williams 2006, sections 2.7 and 5.4.1). Its
length scale and its noise are those of a few with the largest marginal likelihood.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

Array = NDArray[np.float64]

LENGTHS = (0.1, 0.2, 0.4, 0.8)
"""Length scales, as shares of the inputs' ranges."""
NOISES = (0.03, 0.1, 0.3, 1.0, 3.0)
"""Variances of the noise, as shares of the process's own."""


class Surrogates:
    """Models of several numbers of the same configs.

    Args:
        x: (n, inputs), of n evaluated configs.
    """

    def __init__(self, x: Array) -> None:
        self._low, self._range = x.min(axis=0), np.maximum(np.ptp(x, axis=0), 1e-9)
        self.x, self.x_scaled = x, self.scaled(x)
        distances = _squared_distances(self.x_scaled, self.x_scaled)
        self.decomposed = {length: np.linalg.eigh(_kernel(distances, length)) for length in LENGTHS}

    def fit(self, y: Array) -> "Surrogate":
        """A model of `y`, (n,)."""
        return Surrogate(self, y)

    def scaled(self, x: Array) -> Array:
        """Each input from 0 to 1 over what was evaluated."""
        return np.asarray((x - self._low) / self._range)


class Surrogate:
    """A model of one number; made by `Surrogates.fit`."""

    def __init__(self, known: Surrogates, y: Array) -> None:
        self._known = known
        ridge = make_pipeline(PolynomialFeatures(2), StandardScaler(), BayesianRidge())
        self.trend: Callable[[Array], Array] = ridge.fit(known.x, y).predict
        residual = y - self.trend(known.x)
        best = -np.inf
        for length, (eigenvalues, vectors) in known.decomposed.items():
            turned = vectors.T @ residual
            for noise in NOISES:
                spread = np.maximum(eigenvalues, 0) + noise
                variance = float(np.mean(turned**2 / spread)) + 1e-18
                likelihood = -len(y) * np.log(variance) - np.log(spread).sum()
                if likelihood > best:
                    best = likelihood
                    self.length, self.noise, self.variance = length, noise, variance
                    self._vectors, self._spread, self._turned = vectors, spread, turned

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of an observation at x, (n, inputs); each (n,).

        What the model can't explain is part of the deviation.
        """
        distances = _squared_distances(self._known.scaled(x), self._known.x_scaled)
        turned = _kernel(distances, self.length) @ self._vectors
        mean = self.trend(x) + turned @ (self._turned / self._spread)
        known = np.minimum((turned**2 / self._spread).sum(axis=1), 1)
        return mean, np.sqrt(self.variance * (1 - known + self.noise))


def _squared_distances(one: Array, other: Array) -> Array:
    return np.asarray(np.square(one[:, None] - other[None]).sum(axis=2))


def _kernel(squared_distances: Array, length: float) -> Array:
    return np.exp(squared_distances / (-2 * length**2))
