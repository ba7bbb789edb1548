"""Evaluation: a candidate's numbers, and which images it classifies correctly."""

import base64
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner import Candidate, Latency

Bits = NDArray[np.bool_]
"""Which images of `selection` a network classifies correctly."""

CLEARLY_FASTER = 0.2
"""Candidates are timed one after another, so a slow moment of the machine hits one and not the
other: a latency is clearly lower only if the other exceeds it by more than this share."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a config costs on one target: all of a candidate's numbers but its accuracy."""

    macs: int
    """Multiply-adds of one image."""
    num_params: int
    latency: Latency
    """Of one batch."""
    peak_memory_bytes: int | None = None
    """None where it was not measured."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a study's storage."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Costs":
        """The inverse of `to_json`."""
        return cls(**{**values, "latency": Latency(**values["latency"])})


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A candidate, and the images that it classifies correctly."""

    candidate: Candidate
    correct: Bits
    """Of all images, in the split's order; of fewer, in its race's order, where it was stopped."""
    duration_s: float = 0.0
    """Seconds from the trial's start to its end, as the study recorded them."""


def clearly_faster(one_ms: float, other_ms: float) -> bool:
    """Whether `one_ms` is lower than `other_ms` beyond the doubt of separate measurements."""
    return one_ms * (1 + CLEARLY_FASTER) < other_ms


def strongest_rival(costs: Costs, others: Iterable[Evaluation], num_images: int) -> Bits | None:
    """The correct images of the most accurate of `others` that is no larger and clearly faster.

    Only those that were scored on all `num_images` count. None where there is none.
    """
    rivals = [
        other.correct
        for other in others
        if len(other.correct) == num_images
        and other.candidate.macs <= costs.macs
        and clearly_faster(other.candidate.latency.p50_ms, costs.latency.p50_ms)
    ]
    return max(rivals, key=np.count_nonzero, default=None)


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
