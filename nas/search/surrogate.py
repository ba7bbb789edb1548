"""Surrogate model of an objective as a function of the config, such as top1 or log latency.

The mean is a quadratic fitted by Bayesian ridge regression, the residual a Gaussian process. The
quadratic captures the trend from a dozen configs; the process adds local structure as more configs
are evaluated (universal kriging; Rasmussen & Williams 2006, sections 2.7 and 5.4.1). Length scale
and noise variance maximise the marginal likelihood over a small grid.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

Array = NDArray[np.float64]

LENGTHS = (0.1, 0.2, 0.4, 0.8)
"""Candidate length scales, as shares of the inputs' ranges."""
NOISES = (0.03, 0.1, 0.3, 1.0, 3.0)
"""Candidate noise variances, relative to the signal variance."""


class Surrogates:
    """Fits surrogates of several objectives to the same configs, sharing their decompositions.

    Args:
        x: (n, num_inputs), the inputs of n evaluated configs.
    """

    def __init__(self, x: Array) -> None:
        self._low, self._range = x.min(axis=0), np.maximum(np.ptp(x, axis=0), 1e-9)
        self.x, self.x_scaled = x, self.scaled(x)
        distances = _squared_distances(self.x_scaled, self.x_scaled)
        self.decomposed = {length: np.linalg.eigh(_kernel(distances, length)) for length in LENGTHS}

    def fit(self, y: Array) -> "Surrogate":
        """Fit a surrogate to the values `y`, (n,)."""
        return Surrogate(self, y)

    def scaled(self, x: Array) -> Array:
        """Scale each input so that the evaluated configs span 0 to 1."""
        return np.asarray((x - self._low) / self._range)


class Surrogate:
    """Surrogate of one objective; created by `Surrogates.fit`."""

    def __init__(self, training: Surrogates, y: Array) -> None:
        self._training = training
        ridge = make_pipeline(PolynomialFeatures(2), StandardScaler(), BayesianRidge())
        self.trend: Callable[[Array], Array] = ridge.fit(training.x, y).predict
        residual = y - self.trend(training.x)
        best = -np.inf
        for length, (eigenvalues, vectors) in training.decomposed.items():
            rotated = vectors.T @ residual
            for noise in NOISES:
                spread = np.maximum(eigenvalues, 0) + noise
                variance = float(np.mean(rotated**2 / spread)) + 1e-18
                likelihood = -len(y) * np.log(variance) - np.log(spread).sum()
                if likelihood > best:
                    best = likelihood
                    self.length, self.noise, self.variance = length, noise, variance
                    self._vectors, self._spread, self._rotated = vectors, spread, rotated

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation (n,) of an observation at each x, (n, num_inputs).

        The standard deviation includes the observation noise.
        """
        distances = _squared_distances(self._training.scaled(x), self._training.x_scaled)
        rotated = _kernel(distances, self.length) @ self._vectors
        mean = self.trend(x) + rotated @ (self._rotated / self._spread)
        explained = np.minimum((rotated**2 / self._spread).sum(axis=1), 1)
        return mean, np.sqrt(self.variance * (1 - explained + self.noise))


def _squared_distances(one: Array, other: Array) -> Array:
    return np.asarray(np.square(one[:, None] - other[None]).sum(axis=2))


def _kernel(squared_distances: Array, length: float) -> Array:
    return np.exp(squared_distances / (-2 * length**2))
