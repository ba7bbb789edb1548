"""Candidate: the accuracy and cost of one subnet on one target.

Files and data frames hold its values in flat rows, under the names that VALUES lists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Self

from planner import accuracy, config, latency
from planner.accuracy import Accuracy
from planner.config import Config
from planner.latency import Latency
from planner.rules import COUNT, Rule, check, is_count

ORIGINS = ("grid", "search", "baseline")

OWN_RULES = {
    "origin": Rule(lambda value: value in ORIGINS, "grid, search or baseline"),
    "macs": COUNT,
    "num_params": COUNT,
    "peak_memory_bytes": Rule(
        lambda value: value is None or is_count(value), "a whole number, 0 or more, or None"
    ),
}

VALUES = {
    "config_id": "config.config_id",
    "origin": "origin",
    "width_mults": "config.width_mults",
    "resolution": "config.resolution",
    "dtype": "config.dtype",
    "top1": "accuracy.top1",
    "top1_low": "accuracy.top1_low",
    "top1_high": "accuracy.top1_high",
    "macs": "macs",
    "num_params": "num_params",
    "latency_p50_ms": "latency.p50_ms",
    "latency_p90_ms": "latency.p90_ms",
    "latency_p99_ms": "latency.p99_ms",
    "latency_p50_low_ms": "latency.p50_low_ms",
    "latency_p50_high_ms": "latency.p50_high_ms",
    "num_samples": "latency.num_samples",
    "kind": "latency.kind",
    "peak_memory_bytes": "peak_memory_bytes",
}
"""Name in files -> attribute path in a Candidate."""

LATER: Mapping[str, None] = {"dtype": None}
"""What older files lack, and what it is then."""

PARTS: Mapping[str, type] = {"config": Config, "accuracy": Accuracy, "latency": Latency}
"""The fields of a Candidate that are dataclasses themselves."""

RULES_BY_PATH = OWN_RULES | {
    f"{part}.{field}": rule
    for part, rules in (
        ("config", config.RULES),
        ("accuracy", accuracy.RULES),
        ("latency", latency.RULES | latency.RULES_OF_SAMPLES),
    )
    for field, rule in rules.items()
}
RULES: dict[str, Rule] = {name: RULES_BY_PATH[path] for name, path in VALUES.items()}
"""The rule for each value, by its name in files."""

ORDERED = (
    *accuracy.ORDERED,
    *(tuple(f"{latency.PREFIX}{name}" for name in names) for names in latency.ORDERED),
)
"""Groups of values that must not decrease from one to the next, by their names in files."""


def fields_of(part: str) -> dict[str, str]:
    """Map names in files to field names, for one of PARTS."""
    return {
        name: path.removeprefix(f"{part}.")
        for name, path in VALUES.items()
        if path.startswith(f"{part}.")
    }


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One subnet's accuracy and cost on one target; raises InvalidValue for impossible numbers."""

    config: Config
    origin: str
    """grid (one width for all layers), search (Optuna) or baseline (trained separately)."""
    accuracy: Accuracy
    macs: int
    """Multiply-adds of convolutions, matrix products and attention, batch 1."""
    num_params: int
    """Trainable parameters of the extracted subnet."""
    latency: Latency
    peak_memory_bytes: int | None = None
    """Peak memory while running; None where it was not measured."""

    def __post_init__(self) -> None:
        """Raise InvalidValue for a field outside its range."""
        check(self, OWN_RULES)

    @property
    def config_id(self) -> str:
        """The name of the config."""
        return self.config.config_id

    def value(self, name: str) -> Any:
        """Return one value by its name in files, a key of VALUES."""
        return attrgetter(VALUES.get(name, name))(self)

    def values(self) -> dict[str, Any]:
        """Return all values by their names in files."""
        return {name: attrgetter(path)(self) for name, path in VALUES.items()}

    def with_values(self, **changes: Any) -> Self:
        """Return a copy with some values replaced, by their names in files; raises InvalidValue."""
        return self.from_values(**self.values() | changes)

    @classmethod
    def from_values(cls, **values: Any) -> Self:
        """The inverse of `values`; raises InvalidValue for impossible numbers.

        What LATER names may be missing.
        """
        own, parts = {**LATER, **values}, dict[str, Any]()
        for part, kind in PARTS.items():
            names = fields_of(part)
            parts[part] = kind(**{field: own.pop(name) for name, field in names.items()})
        return cls(**parts, **own)
