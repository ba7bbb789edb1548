"""Entry: a candidate in a lookup table, with the artifact that runs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from planner.candidate import LATER, VALUES, Candidate
from planner.conditions import are_conditions, conditions_from_json, conditions_to_json
from planner.errors import InvalidValue, shown
from planner.latency import Latency
from planner.rules import (
    DIGEST,
    FRACTION,
    POSITIVE_COUNT,
    Rule,
    check,
    is_config_id,
    is_fraction,
    is_number,
    is_positive,
)


def _is_file(value: object) -> bool:
    return (
        isinstance(value, str) and len(value) <= 1000 and all(map(is_config_id, value.split("/")))
    )


ARTIFACT_RULES = {
    "file": Rule(_is_file, "a path within the table's folder, like artifacts/w1-r28.onnx"),
    "sha256": DIGEST,
    "size_bytes": POSITIVE_COUNT,
    "max_abs_difference": Rule(
        lambda value: is_number(value) and value >= 0,  # type: ignore[operator]
        "a finite number, 0 or more",
    ),
    "agreement": Rule(
        lambda value: value is None or is_fraction(value), "a fraction, 0..1, or None"
    ),
    "top1_difference": Rule(
        lambda value: value is None or (is_number(value) and -1 <= value <= 1),  # type: ignore[operator]
        "a number from -1 to 1, or None",
    ),
}
OPTIONAL_OF_ARTIFACT = ("agreement", "top1_difference")
"""Omitted from the file where they are None."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """An exported subnet; raises InvalidValue for a path that leaves its folder."""

    file: str
    """Path relative to the folder of the artifacts, with `/` as separator."""
    sha256: str
    size_bytes: int
    max_abs_difference: float
    """Largest absolute difference from the subnet's outputs on the images of the export check."""
    agreement: float | None = None
    """Share of these images for which the file and the float subnet name the same class."""
    top1_difference: float | None = None
    """top1 of the file less that of the float subnet, on these images: negative if it is worse."""

    def __post_init__(self) -> None:
        """Raise InvalidValue for a field outside its range."""
        check(self, ARTIFACT_RULES)

    def to_json(self) -> dict[str, object]:
        """Return the artifact as a JSON object, without what is not known."""
        values = {name: getattr(self, name) for name in ARTIFACT_RULES}
        return {
            name: value
            for name, value in values.items()
            if value is not None or name not in OPTIONAL_OF_ARTIFACT
        }

    @classmethod
    def from_json(cls, values: object) -> "Artifact":
        """The inverse of `to_json`; raise InvalidValue for a missing, unknown or wrong field."""
        if isinstance(values, dict):
            values = dict.fromkeys(OPTIONAL_OF_ARTIFACT) | values
        return cls(**_object(values, tuple(ARTIFACT_RULES), "`artifact`"))


@dataclass(frozen=True, kw_only=True)
class Entry(Candidate):
    """One row of a lookup table; raises InvalidValue for impossible numbers."""

    top1_selection: float
    """top1 on the selection split; biased upwards by the selection (winner's curse)."""
    tied_with: tuple[str, ...] = ()
    """The config_ids whose median latency does not differ significantly from this entry's."""
    artifact: Artifact | None = None
    budget_probability: float | None = None
    """Share of timed batches within the protocol's `max_latency_ms`; None if there was none."""
    energy_mj: float | None = None
    """Millijoules per batch; None where the machine has no energy counter."""
    conditions: Mapping[str, Latency] = field(default_factory=dict, hash=False)
    """Its latencies under other conditions than `latency`, by name; don't modify it."""

    def __post_init__(self) -> None:
        """Raise InvalidValue for a field outside its range or out of order with another."""
        super().__post_init__()
        check(self, ENTRY_RULES)

    def to_json(self) -> dict[str, object]:
        """Return the entry as a JSON object: `values` with tuples as lists."""
        values = self.values()
        if self.artifact is not None:
            values["artifact"] = self.artifact.to_json()
        values["conditions"] = conditions_to_json(self.conditions)
        for name, absent in OPTIONAL_FIELDS.items():
            if values[name] == absent:
                del values[name]
        return values | {name: list(values[name]) for name in LISTS}

    def values(self) -> dict[str, Any]:
        """Return all values by their names in files, those of Candidate first."""
        return super().values() | {name: getattr(self, name) for name in ENTRY_RULES}

    def under(self, condition: str, own: str) -> Self:
        """The entry whose `latency` is that of `condition`, with its own one under the name `own`.

        Which entries it is tied with is then not known.
        """
        latencies = {**self.conditions, own: self.latency}
        latency = latencies.pop(condition)
        return replace(
            self, latency=latency, conditions=latencies, tied_with=(), budget_probability=None
        )

    @classmethod
    def from_json(cls, values: object) -> "Entry":
        """The inverse of `to_json`; raise InvalidValue for a missing, unknown or wrong field."""
        if isinstance(values, dict):
            values = OPTIONAL_FIELDS | values
        given = dict(_object(values, ENTRY_FIELDS, "an entry"))
        for name in LISTS:
            if not isinstance(given[name], list):
                raise InvalidValue(f"`{name}` must be a list, but got {shown(given[name])}")
            given[name] = tuple(given[name])
        if given["artifact"] is not None:
            given["artifact"] = Artifact.from_json(given["artifact"])
        given["conditions"] = conditions_from_json(given["conditions"])
        return cls.from_values(**given)


def _are_other_entries(value: object) -> bool:
    return (
        isinstance(value, tuple) and all(map(is_config_id, value)) and len(set(value)) == len(value)
    )


ENTRY_RULES = {
    "top1_selection": FRACTION,
    "tied_with": Rule(_are_other_entries, "a tuple of different config_ids"),
    "artifact": Rule(
        lambda value: value is None or isinstance(value, Artifact), "an Artifact or None"
    ),
    "budget_probability": Rule(
        lambda value: value is None or is_fraction(value), "a fraction, 0..1, or None"
    ),
    "energy_mj": Rule(
        lambda value: value is None or is_positive(value),
        "a number above 0 and below 2**63, or None",
    ),
    "conditions": Rule(are_conditions, "a mapping of names to instances of Latency"),
}
OPTIONAL_FIELDS: dict[str, Any] = {
    **LATER,
    "budget_probability": None,
    "energy_mj": None,
    "conditions": {},
}
"""Omitted from the file where they have these values."""
LISTS = ("width_mults", "tied_with")
"""Tuples here, lists in JSON."""
ENTRY_FIELDS = (*VALUES, *ENTRY_RULES)
"""The names in files."""


def _object(values: object, names: tuple[str, ...], what: str) -> Mapping[str, Any]:
    if not isinstance(values, dict):
        raise InvalidValue(f"{what} must be a JSON object, but got {shown(values)}")
    if values.keys() != set(names):
        missing, unknown = sorted(set(names) - values.keys()), sorted(values.keys() - set(names))
        raise InvalidValue(
            f"{what} must have exactly its fields, but {shown(missing)} are missing "
            f"and {shown(unknown)} are unknown"
        )
    return values
