"""What is known of an evaluated candidate: its numbers, and which images it got right."""

import base64
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner import Candidate

Bits = NDArray[np.bool_]
"""Which images of `selection` a network gets right."""

Costs = dict[str, Any]
"""Those fields of a Candidate that need the target."""

CLEARLY_FASTER = 0.2
"""A rival's latency is less than a candidate's by this share of its own: each was timed alone."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A candidate, and what it answered right."""

    candidate: Candidate
    right: Bits
    """Of all images, in the split's order; of fewer, in its race's order, where it was stopped."""
    took_s: float = 0.0
    """The evaluation, as far as the study has seen."""


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
