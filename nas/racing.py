"""Racing: a candidate is scored on growing slices of `selection`, and stops once it has lost.

Its rival is the most accurate of those that are smaller and clearly faster. Both answer the same
images, so only those that one of them gets right and the other wrong say anything; the rival wins
when it has more of these than chance would give it (sign test, Dixon & Mood 1946; McNemar 1947).
The images seen double from look to look, and the looks share the error of 5 % (Bonferroni), so
that a candidate which is as good as its rival loses in at most 5 of 100 races.

What lost is estimated as its rival's top1 on all images less the difference on those that both
have seen. That is always below the rival's, so it is on no front, however few images it saw.
"""

import base64
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from planner import Candidate
from supernet.evaluate import Z_95, Accuracy

Bits = NDArray[np.bool_]
"""Which images of `selection` a network gets right, in the split's order; the first of them."""

FIRST_SLICE = 125
"""Images before the first look."""
ERROR = 0.05
"""Of all looks of a race together."""
CLEARLY_FASTER = 0.2
"""A rival's latency is less than a candidate's by this share of its own: each was timed alone."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A candidate, and what it answered right."""

    candidate: Candidate
    right: Bits


def rival_of(
    latency_ms: float, macs: int, others: Iterable[Scored], num_images: int
) -> Bits | None:
    """What the most accurate of `others` got right, of those with all images seen that are no
    larger and clearly faster."""
    faster = [
        other.right
        for other in others
        if len(other.right) == num_images
        and other.candidate.macs <= macs
        and other.candidate.latency_p50_ms * (1 + CLEARLY_FASTER) < latency_ms
    ]
    return max(faster, key=np.count_nonzero, default=None)


def looks(num_images: int) -> list[int]:
    """Images seen at each look; at the last one the race is over."""
    doublings = range(max(0, math.ceil(math.log2(num_images / FIRST_SLICE))))
    return [FIRST_SLICE << doubling for doubling in doublings] + [num_images]


def race(answers: Iterator[Bits], rival: Bits | None, num_images: int) -> Bits:
    """Take from `answers` until the rival has won or all images are seen; return what was seen.

    `answers` gives the bits of one image after another, in pieces of any size; no more of it is
    used than needed, which is what saves time.
    """
    seen = np.zeros(0, dtype=bool)
    for look in looks(num_images):
        while len(seen) < look:
            seen = np.append(seen, next(answers))
        if rival is not None and len(seen) < num_images and has_lost(seen, rival, num_images):
            break
    return seen


def has_lost(seen: Bits, rival: Bits, num_images: int) -> bool:
    """Whether the rival is better than chance would make it, at one look of a race."""
    theirs = int((rival[: len(seen)] & ~seen).sum())
    mine = int((seen & ~rival[: len(seen)]).sum())
    if theirs <= mine:
        return False
    chance = binomtest(theirs, theirs + mine, 0.5, alternative="greater").pvalue
    return bool(chance <= ERROR / (len(looks(num_images)) - 1))


def estimate(seen: Bits, rival: Bits | None, num_images: int) -> tuple[float, float, float]:
    """Top1 on all images with its 95 % interval; where some are unseen, from the rival's."""
    if len(seen) == num_images or rival is None:
        right = Accuracy(num_images=len(seen), num_correct=int(seen.sum()))
        return right.top1, *right.interval
    difference = rival[: len(seen)].astype(float) - seen
    top1 = max(0.0, float(rival.mean() - difference.mean()))
    variance = rival.var() / num_images + difference.var() / len(seen)
    half = Z_95 * math.sqrt(variance)
    return top1, max(0.0, top1 - half), min(1.0, top1 + half)


def to_text(bits: Bits) -> str:
    """Bits as a study keeps them: their number, and base64 of eight in a byte."""
    return f"{len(bits)}:{base64.b64encode(np.packbits(bits).tobytes()).decode()}"


def from_text(text: str) -> Bits:
    """The inverse of `to_text`. Raises ValueError for anything else."""
    count, _, packed = text.partition(":")
    bytes_ = np.frombuffer(base64.b64decode(packed, validate=True), dtype=np.uint8)
    if len(bytes_) != math.ceil(int(count) / 8):
        raise ValueError(f"{count} bits must be there, but got {len(bytes_)} bytes")
    return np.unpackbits(bytes_, count=int(count)).astype(bool)
