import numpy as np
from numpy.testing import assert_allclose
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

from nas.search.surrogate import Array, Surrogates


def bumpy(x: Array) -> Array:
    return x[:, 0] - x[:, 1] ** 2 + 0.2 * np.sin(9 * x[:, 0])


def test_it_learns_a_trend_and_what_is_particular_to_a_region() -> None:
    rng = np.random.default_rng(0)
    x, new = rng.uniform(size=(150, 2)), rng.uniform(size=(500, 2))
    mean, std = Surrogates(x).fit(bumpy(x) + rng.normal(0, 0.02, 150)).predict(new)
    assert np.sqrt(np.mean(np.square(mean - bumpy(new)))) < 0.02
    assert np.all(std > 0)
    observed = bumpy(new) + rng.normal(0, 0.02, 500)
    inside = np.mean(np.abs(observed - mean) < 1.96 * std)
    assert 0.9 < inside < 0.99


def test_few_points_give_the_trend() -> None:
    x = np.random.default_rng(0).uniform(size=(12, 3))
    mean, _ = Surrogates(x).fit(2 * x[:, 0] + 1).predict(np.array([[0.5, 0.5, 0.5]]))
    assert_allclose(mean, 2, atol=0.02)


def test_the_process_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    x, new = rng.uniform(size=(60, 2)), rng.uniform(size=(20, 2))
    y = bumpy(x)
    ours = Surrogates(x).fit(y)
    low, spread = x.min(axis=0), np.ptp(x, axis=0)
    plain = GaussianProcessRegressor(RBF(ours.length), alpha=ours.noise, optimizer=None)
    plain.fit((x - low) / spread, y - ours.trend(x))
    rest, std = plain.predict((new - low) / spread, return_std=True)
    mean, deviation = ours.predict(new)
    assert_allclose(mean, ours.trend(new) + rest, rtol=1e-6, atol=1e-8)
    assert_allclose(deviation, np.sqrt(ours.variance * (std**2 + ours.noise)), rtol=1e-5)


def test_a_constant_is_a_constant() -> None:
    x = np.random.default_rng(0).uniform(size=(20, 2))
    mean, std = Surrogates(x).fit(np.full(20, 3.0)).predict(x)
    assert_allclose(mean, 3)
    assert np.all(std >= 0)
