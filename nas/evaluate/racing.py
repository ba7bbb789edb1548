"""Racing: stop scoring a candidate once it has lost to one that is at least as fast.

The question concerns the N selection images alone: would the candidate classify more of them
correctly than its rival, the most accurate candidate that is at least as fast? The hypothesis that
it would is tested by betting (Waudby-Smith & Ramdas, "Confidence sequences for sampling without
replacement", 2020). Under the hypothesis, the wealth of a bettor against it is a nonnegative
martingale; by Ville's inequality it ever reaches 20 times its start with probability at most 1/20.
The test may therefore be read after every slice of images and keeps its level of 95 %.

Two devices shorten a race. A candidate's answer to an image is compared with a guess, the mean of
other candidates' answers to it, which is known for all N: only the guess's error is uncertain. And
images on which other candidates disagree are drawn sooner, each with a known probability, because
the others are uninformative.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.evaluate.evaluation import Bits
from planner import Accuracy
from supernet.evaluate.accuracy import wilson

Array = NDArray[np.float64]

MAX_ERROR = 0.05
"""Probability at most that a candidate which would have won is stopped."""
FIRST_SLICE, GROWTH = 100, 0.25
"""Images of the first slice; later ones are this share of what has been seen, not less."""
PRIOR_IMAGES = 30
"""What is expected of the guess counts as much as this many images."""
MAX_STAKE = 0.5
"""Share of the wealth that one image may cost."""
MIN_WEIGHT = 0.05
"""Of an image on which others agree; where half of them are right it is 0.5 more."""


class Race:
    """One candidate against its rival; feed it the answers to `next_slice` until it ends.

    Args:
        num_images: N.
        rival: (N,) which images the rival classifies correctly; without a rival all images are
            scored.
        known: the same of every candidate that was scored on all images; the more they resemble
            this one, the sooner the race ends.
        rng: draws the order of the images.
    """

    def __init__(
        self, num_images: int, rival: Bits | None, known: Sequence[Bits], rng: np.random.Generator
    ) -> None:
        guess = _guess(num_images, rival, known)
        weights = np.sqrt(guess * (1 - guess)) + MIN_WEIGHT
        self._order = np.argsort(rng.exponential(size=num_images) / weights)
        """Drawn without replacement, each of those left with a chance as its weight."""
        self._num_rival = -1 if rival is None else int(rival.sum())
        self._guess, weights = guess[self._order], weights[self._order]
        left = _from_behind(np.add, weights)
        self._chances = weights / left
        """Of each image when it was drawn."""
        self._highest = left * _from_behind(np.maximum, (1 - self._guess) / weights)
        """What the estimate of an error can be at most, from there on."""
        self._variance = float(left[0] * np.sum(self._guess * (1 - self._guess) / weights))
        self._correct = np.empty(0, dtype=bool)
        self._totals = np.empty(0)
        """After each image an unbiased estimate of the guess's error in all (Des Raj 1956)."""
        self._log_wealth = 0.0

    @property
    def num_images(self) -> int:
        """How many have been seen."""
        return len(self._correct)

    @property
    def is_lost(self) -> bool:
        """Whether the rival is at least as accurate, with 95 % confidence."""
        possible = self._correct.sum() + len(self._order) - self.num_images
        return bool(self._log_wealth >= -np.log(MAX_ERROR) or possible <= self._num_rival)

    @property
    def next_slice(self) -> NDArray[np.intp]:
        """Indices of the images to answer next; none when all have been or the race is lost."""
        if self.is_lost and self.num_images:
            return self._order[:0]
        size = max(FIRST_SLICE, int(GROWTH * self.num_images))
        return self._order[self.num_images :][:size]

    def add(self, correct: Bits) -> None:
        """Take the answers to `next_slice`, in its order."""
        seen = slice(self.num_images, self.num_images + len(correct))
        error = correct - self._guess[seen]
        before = np.sum(self._correct - self._guess[: self.num_images]) + np.cumsum(error) - error
        to_win = self._num_rival + 1 - self._guess.sum()
        estimate = error / self._chances[seen]  # of all errors that are left, unbiased
        stake = self._stake(to_win, self._highest[seen] - (to_win - before))
        self._log_wealth += float(np.log1p(-stake * (estimate - (to_win - before))).sum())
        self._totals = np.append(self._totals, before + estimate)
        self._correct = np.append(self._correct, correct)

    @property
    def correct(self) -> Bits:
        """Which images were classified correctly: of all N, in the split's order, or of some, in
        the race's."""
        is_whole = self.num_images == len(self._order)
        return self._correct[np.argsort(self._order)] if is_whole else self._correct

    def accuracy(self) -> Accuracy:
        """Top1 on the N images, with the 95 % interval for images in general.

        An estimate where not all have been scored: at most the rival's, and biased slightly
        downwards, since a race stops when the candidate looks worst.
        """
        n, num_all = self.num_images, len(self._order)
        if n == num_all:
            share = float(self._correct.mean())
            return _accuracy(share, num_all)
        at_most = min(self._num_rival, self._correct.sum() + num_all - n)
        total = np.clip(self._guess.sum() + self._totals.mean(), self._correct.sum(), at_most)
        share, variance = float(total / num_all), float(self._totals.var(ddof=1) / n / num_all**2)
        worth = 1 / (1 / num_all + variance / max(share * (1 - share), 1 / num_all))
        return _accuracy(share, worth)

    def _stake(self, to_win: float, at_risk: Array) -> Array:
        """Kelly's: the advantage over the spread, less than what could ruin."""
        num = PRIOR_IMAGES + self.num_images
        expected = self._totals.sum() / num
        squares = PRIOR_IMAGES * self._variance + np.sum((self._totals - expected) ** 2)
        advantage = max(0.0, to_win - expected)
        kelly = advantage / (squares / num + advantage**2)
        stake: Array = np.minimum(kelly, MAX_STAKE / np.maximum(at_risk, 1e-9))
        return stake


def _accuracy(share: float, num_images: float) -> Accuracy:
    low, high = wilson(share, num_images)
    return Accuracy(top1=share, top1_low=low, top1_high=high)


def _guess(num_images: int, rival: Bits | None, known: Sequence[Bits]) -> Array:
    """Probability that each image is classified correctly: half the rival's, half of all."""
    votes = np.sum([*known], axis=0) if known else np.zeros(num_images)
    of_all = (votes + 0.5) / (len(known) + 1)
    if rival is None:
        return np.asarray(of_all)
    sure = (len(known) + 0.5) / (len(known) + 1)
    return 0.5 * np.where(rival, sure, 1 - sure) + 0.5 * of_all


def _from_behind(ufunc: np.ufunc, values: Array) -> Array:
    return np.asarray(ufunc.accumulate(values[::-1])[::-1], dtype=np.float64)
