"""The difference in top1 of two networks that were scored on the same images."""

import math
from dataclasses import dataclass

import numpy as np

from nas.evaluate.evaluation import Bits
from supernet.evaluate.accuracy import Z_95


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """The top1 of one network minus that of another, as a fraction, with its 95 % interval."""

    mean: float
    low: float
    high: float


def paired_difference(one: Bits, other: Bits) -> PairedDifference:
    """The top1 of `one` minus that of `other`, whose images are the same in the same order.

    Images on which both are right, or both wrong, say nothing, so the interval is narrower than
    those of the two. It is the adjusted Wald interval of Bonett & Price (2012): one image is added
    to each kind of disagreement, which keeps its coverage where few images disagree.
    """
    num_images = len(one)
    plus, minus = _shares(one, other), _shares(other, one)
    half = Z_95 * standard_error(one, other)
    return PairedDifference(
        mean=(int(one.sum()) - int(other.sum())) / num_images,
        low=plus - minus - half,
        high=plus - minus + half,
    )


def standard_error(one: Bits, other: Bits) -> float:
    """What the choice of the images adds to the difference, as a standard deviation."""
    plus, minus = _shares(one, other), _shares(other, one)
    return math.sqrt((plus + minus - (plus - minus) ** 2) / (len(one) + 2))


def _shares(right: Bits, wrong: Bits) -> float:
    """The share of the images on which only the first is right, one image more in each kind."""
    return (int(np.count_nonzero(right & ~wrong)) + 1) / (len(right) + 2)
