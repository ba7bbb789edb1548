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
    gained = int(np.count_nonzero(one & ~other))
    lost = int(np.count_nonzero(other & ~one))
    plus, minus = (gained + 1) / (num_images + 2), (lost + 1) / (num_images + 2)
    half = Z_95 * math.sqrt((plus + minus - (plus - minus) ** 2) / (num_images + 2))
    return PairedDifference(
        mean=(gained - lost) / num_images, low=plus - minus - half, high=plus - minus + half
    )
