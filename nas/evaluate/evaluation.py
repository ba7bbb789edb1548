"""Evaluation: a candidate's costs and accuracy, and which images it classifies correctly."""

import base64
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner import Candidate, Latency

Bits = NDArray[np.bool_]
"""Bool array over images of `selection`: whether the network classifies each correctly."""

CLEARLY_FASTER = 0.2
"""During a search, candidates are timed in separate measurements, between which the machine's speed
may change. One is clearly faster only if the other's latency is higher by more than this share."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """The machine that timed a candidate."""

    host: str
    reference_ms: float
    """Median time of the reference network beside the candidate."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Costs of a config on one target: everything in a candidate except its accuracy."""

    macs: int
    """Multiply-adds for one image."""
    num_params: int
    latency: Latency
    """Latency of one batch."""
    peak_memory_bytes: int | None = None
    """None if it was not measured."""
    energy_mj: float | None = None
    """Millijoules of one batch; None if they were not measured."""
    device: Device | None = None
    """What timed it; None if its latency is predicted."""

    def to_json(self) -> dict[str, Any]:
        """JSON values, for a study's storage."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Costs":
        """The inverse of `to_json`."""
        device = values.get("device") and Device(**values["device"])
        return cls(**{**values, "latency": Latency(**values["latency"]), "device": device})


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A candidate and the images that it classifies correctly."""

    candidate: Candidate
    correct: Bits
    """One per image of `selection`, in the split's order. If scoring was stopped early, one per
    scored image, in the order of the race."""
    energy_mj: float | None = None
    """As in Costs."""
    device: Device | None = None
    """As in Costs; None where a study has stored it, which keeps it with the trial."""
    duration_s: float = 0.0
    """Seconds from the start of the trial to its end, as recorded by the study."""


def clearly_faster(one_ms: float, other_ms: float) -> bool:
    """Whether `one_ms` is lower than `other_ms` by more than separate measurements vary."""
    return one_ms * (1 + CLEARLY_FASTER) < other_ms


def strongest_rival(costs: Costs, others: Iterable[Evaluation], num_images: int) -> Bits | None:
    """Correct images of the most accurate candidate that is clearly faster and has no more MACs.

    Only candidates scored on all `num_images` are considered. None if there is none.
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
    """Encode bits for a study's storage: their number, and base64 of eight per byte."""
    return f"{len(bits)}:{base64.b64encode(np.packbits(bits).tobytes()).decode()}"


def from_text(text: str) -> Bits:
    """Decode the result of `to_text`. Raises ValueError for other text."""
    count, _, packed = text.partition(":")
    bytes_ = np.frombuffer(base64.b64decode(packed, validate=True), dtype=np.uint8)
    if len(bytes_) != math.ceil(int(count) / 8):
        raise ValueError(f"the text must encode {count} bits, but holds {len(bytes_)} bytes")
    return np.unpackbits(bytes_, count=int(count)).astype(bool)
