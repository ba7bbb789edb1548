"""Measures: what a search can optimise or bound, by the names that files use."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from nas.errors import NasError
from nas.evaluate.evaluation import Evaluation


@dataclass(frozen=True)
class Measure:
    """One number of an evaluation."""

    direction: Literal["maximize", "minimize"]
    is_exact: bool
    """Whether it is the same whenever and wherever it is determined."""


MEASURES = {
    "top1": Measure("maximize", True),
    "latency_p50_ms": Measure("minimize", False),
    "latency_p90_ms": Measure("minimize", False),
    "latency_p99_ms": Measure("minimize", False),
    "macs": Measure("minimize", True),
    "num_params": Measure("minimize", True),
    "peak_memory_bytes": Measure("minimize", False),
    "energy_mj": Measure("minimize", False),
}
"""By name. All but `top1` are costs, and above zero."""

EXTRA = ("peak_memory_bytes", "energy_mj")
"""Measured for each candidate only where the search needs them."""


def is_latency(name: str) -> bool:
    """Whether the measure is a percentile of the latency."""
    return name.startswith("latency_")


def require_known(names: Iterable[str], what: str) -> None:
    """Raise NasError for a name that is no measure; `what` says what it was given as."""
    for name in names:
        if name not in MEASURES:
            raise NasError(f"{what} must be one of {', '.join(MEASURES)}, but got {name!r}")


def value_of(evaluation: Evaluation, name: str) -> float | None:
    """A measure of an evaluation; None where it was not measured."""
    if name == "energy_mj":
        return evaluation.energy_mj
    found: float | None = evaluation.candidate.value(name)
    return found
