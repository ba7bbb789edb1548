"""Racing: stop scoring a candidate once it is worse than a clearly faster one.

The race tests the hypothesis that the candidate classifies more of the N selection images correctly
than its rival, the most accurate candidate that is clearly faster and has no more MACs. It is a
test by betting (Waudby-Smith & Ramdas, "Confidence sequences for sampling without replacement",
2020): if the hypothesis holds, the wealth of a bettor against it is a nonnegative martingale, which
by Ville's inequality reaches 20 times its initial value with probability at most 1/20. The test can
therefore be evaluated after every slice of images at an error level of 5 %.

Two techniques of variance reduction shorten a race:

- Control variate: a prior for each image, from the answers of other candidates, is known for all N
  images, so only the candidate's deviation from it has to be estimated.
- Importance sampling: images on which other candidates disagree are drawn sooner, with known
  probabilities, because the other images are uninformative.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.evaluate.evaluation import Bits
from planner import Accuracy
from supernet.evaluate.accuracy import wilson

Array = NDArray[np.float64]

MAX_ERROR = 0.05
"""Maximum probability that a candidate which would win is stopped early."""
FIRST_SLICE, GROWTH = 100, 0.25
"""Number of images in the first slice; later slices are this share of the images scored so far,
but at least as many."""
PRIOR_IMAGES = 30
"""Weight of the prior variance in the stake, as a number of images."""
MAX_STAKE = 0.5
"""Maximum share of the wealth that one image can lose."""
MIN_WEIGHT = 0.05
"""Sampling weight of an image on which all other candidates agree; it is 0.5 higher where half of
them are correct."""


class Race:
    """A race of one candidate against its rival; `add` the results of `next_slice` until it ends.

    Args:
        num_images: N.
        rival: (N,), whether the rival classifies each image correctly; without a rival, the
            candidate is scored on all images.
        others: the same for every candidate scored on all images; the more similar they are to this
            candidate, the sooner the race ends.
        rng: draws the order of the images.
    """

    def __init__(
        self, num_images: int, rival: Bits | None, others: Sequence[Bits], rng: np.random.Generator
    ) -> None:
        prior = _prior(num_images, rival, others)
        weights = np.sqrt(prior * (1 - prior)) + MIN_WEIGHT
        self._order = np.argsort(rng.exponential(size=num_images) / weights)
        """Images drawn without replacement, with probabilities proportional to their weights."""
        self._num_rival = -1 if rival is None else int(rival.sum())
        self._prior, weights = prior[self._order], weights[self._order]
        remaining = _accumulate_backwards(np.add, weights)
        self._probabilities = weights / remaining
        """Probability of each image at its draw."""
        self._highest = remaining * _accumulate_backwards(np.maximum, (1 - self._prior) / weights)
        """Upper bound at each draw of the estimated deviation (`estimate` in `add`)."""
        self._variance = float(remaining[0] * np.sum(self._prior * (1 - self._prior) / weights))
        self._correct = np.empty(0, dtype=bool)
        self._totals = np.empty(0)
        """After each draw, an unbiased estimate of the total deviation from the prior (Des Raj
        1956)."""
        self._log_wealth = 0.0

    @property
    def num_images(self) -> int:
        """Number of images scored so far."""
        return len(self._correct)

    @property
    def is_lost(self) -> bool:
        """Whether the rival is at least as accurate, with 95 % confidence."""
        possible = self._correct.sum() + len(self._order) - self.num_images
        return bool(self._log_wealth >= -np.log(MAX_ERROR) or possible <= self._num_rival)

    @property
    def next_slice(self) -> NDArray[np.intp]:
        """Indices of the images to score next; empty once all are scored or the race is lost."""
        if self.is_lost and self.num_images:
            return self._order[:0]
        size = max(FIRST_SLICE, int(GROWTH * self.num_images))
        return self._order[self.num_images :][:size]

    def add(self, correct: Bits) -> None:
        """Add the results for `next_slice`, in its order."""
        added = slice(self.num_images, self.num_images + len(correct))
        deviation = correct - self._prior[added]
        before = (
            np.sum(self._correct - self._prior[: self.num_images])
            + np.cumsum(deviation)
            - deviation
        )
        to_win = self._num_rival + 1 - self._prior.sum()
        estimate = deviation / self._probabilities[added]  # unbiased, of all remaining images
        stake = self._stake(to_win, self._highest[added] - (to_win - before))
        self._log_wealth += float(np.log1p(-stake * (estimate - (to_win - before))).sum())
        self._totals = np.append(self._totals, before + estimate)
        self._correct = np.append(self._correct, correct)

    @property
    def correct(self) -> Bits:
        """Whether each image was classified correctly: all N in the split's order, or the scored
        ones in the race's order."""
        is_whole = self.num_images == len(self._order)
        return self._correct[np.argsort(self._order)] if is_whole else self._correct

    def accuracy(self) -> Accuracy:
        """Top1 on the N images, with its 95 % confidence interval for the image distribution.

        After an early stop, top1 is an estimate. It is at most the rival's, and biased slightly
        downwards, because a race stops when the candidate's results look worst.
        """
        n, num_all = self.num_images, len(self._order)
        if n == num_all:
            return accuracy_of(self._correct)
        at_most = min(self._num_rival, self._correct.sum() + num_all - n)
        total = np.clip(self._prior.sum() + self._totals.mean(), self._correct.sum(), at_most)
        share, variance = float(total / num_all), float(self._totals.var(ddof=1) / n / num_all**2)
        effective_images = 1 / (1 / num_all + variance / max(share * (1 - share), 1 / num_all))
        return _accuracy(share, effective_images)

    def _stake(self, to_win: float, at_risk: Array) -> Array:
        """Kelly stake: the expected gain over its second moment, capped by `MAX_STAKE`."""
        num = PRIOR_IMAGES + self.num_images
        expected = self._totals.sum() / num
        squares = PRIOR_IMAGES * self._variance + np.sum((self._totals - expected) ** 2)
        advantage = max(0.0, to_win - expected)
        kelly = advantage / (squares / num + advantage**2)
        stake: Array = np.minimum(kelly, MAX_STAKE / np.maximum(at_risk, 1e-9))
        return stake


def accuracy_of(correct: Bits) -> Accuracy:
    """Top1 of a candidate that was scored on all images, with its 95 % confidence interval."""
    return _accuracy(float(correct.mean()), len(correct))


def _accuracy(share: float, num_images: float) -> Accuracy:
    low, high = wilson(share, num_images)
    return Accuracy(top1=share, top1_low=low, top1_high=high)


def _prior(num_images: int, rival: Bits | None, others: Sequence[Bits]) -> Array:
    """Prior probability that each image is classified correctly.

    The mean of the rival's result and the share of `others` that are correct, both smoothed.
    """
    votes = np.sum([*others], axis=0) if others else np.zeros(num_images)
    of_others = (votes + 0.5) / (len(others) + 1)
    if rival is None:
        return np.asarray(of_others)
    certain = (len(others) + 0.5) / (len(others) + 1)
    return 0.5 * np.where(rival, certain, 1 - certain) + 0.5 * of_others


def _accumulate_backwards(ufunc: np.ufunc, values: Array) -> Array:
    return np.asarray(ufunc.accumulate(values[::-1])[::-1], dtype=np.float64)
