"""Bench: what conditions are measured on and for how long; UnderCondition: what one of them showed.

Standard library only, because the kit packs this file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from nas.errors import NasError
from nas.meter.latency import Latency
from nas.meter.reference_workload import ReferenceWorkload
from nas.meter.rounds import Runnable

Progress = Callable[[float], None]
"""Called with the share that is done, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Several networks in one runtime, which take turns under every condition.

    Raises NasError for a length or a number that is not above 0.
    """

    networks: Sequence[Runnable]
    """Loaded and set up as for steady latencies."""
    files: Sequence[Path]
    """The ONNX files of `networks`, for fresh processes."""
    pipelines: Sequence[Runnable] = ()
    """From an encoded photo to its class, one for each of `networks`; none on a device."""
    runtime: str
    """One of `nas.conditions.onnx_file.LOADERS`."""
    num_threads: int
    reference: ReferenceWorkload
    rng: Random
    max_s: float
    """Seconds of each condition that is timed in rounds."""
    minutes: int
    """Of the condition `sustained`."""
    num_busy_processes: int
    """Of the condition `contended`."""

    def __post_init__(self) -> None:
        """Raise NasError for a length or a number that is not above 0."""
        for name, value in (
            ("seconds of a condition", self.max_s),
            ("minutes of sustained", self.minutes),
            ("busy processes of contended", self.num_busy_processes),
        ):
            if not value > 0:
                raise NasError(f"the {name} must be more than 0, but got {value}")


@dataclass(frozen=True)
class UnderCondition:
    """The latencies of the networks under one condition."""

    latencies: Mapping[str, tuple[Latency, ...]]
    """By the name of the condition, which is the whole or the severest, and by the names of its
    parts, such as `after_pause` and `after_pause_50ms`; one latency for each network."""
    parameters: Mapping[str, Any]
    """How it was measured, as JSON values with units in their names."""
