"""LookupTable: which configuration to run on a target under each budget, as a JSON file."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from planner.atomic import write_atomically
from planner.conditions import REPEATED, STEADY
from planner.entries import read_entries
from planner.entry import Entry
from planner.errors import DamagedTable, InvalidValue, OtherTarget, PlannerError, shown
from planner.json_file import read_json
from planner.preprocessing import Preprocessing
from planner.schema import check_header, check_version
from planner.target import Target
from planner.target_difference import listed, target_differences

SCHEMA_VERSION = 1
SCHEMA_MINOR = 4
"""1: `supernet.preprocessing`; 2: `target.observed`; 3: `conditions`, and an artifact's `agreement`
and `top1_difference`; 4: an entry's `dtype`. A table of an older minor version lacks what later
ones added."""

WORTH_TELLING = 0.1
"""Slowdown of the machine below which `timing_quality` leaves it out."""


@dataclass(frozen=True, kw_only=True)
class LookupTable:
    """One target and its entries, from fast to slow; raises InvalidValue for an invalid field.

    docs/lookup_table.md explains every field. The mappings are JSON objects; don't modify them.
    """

    supernet: Mapping[str, Any]
    """model, data, weights_sha256, class_names, normalisation {mean, std}, seed, recipe,
    preprocessing ..."""
    target: Target
    protocol: Mapping[str, Any]
    """The timing method: noise_floor (relative, or None), num_rounds, num_samples, warmup ..."""
    splits: Mapping[str, int]
    """Number of images in train, calibration, selection and report."""
    provenance: Mapping[str, Any]
    """versions, command, created_utc ..."""
    entries: tuple[Entry, ...]
    """Sorted by `latency_p50_ms`, then `top1`, both ascending; config_ids are unique."""

    def __post_init__(self) -> None:
        """Raise InvalidValue for a field outside its range or entries out of order."""
        try:
            check_header(self._header() | {"entries": []})
        except DamagedTable as error:
            raise InvalidValue(str(error)) from error
        self._check_order()
        self._check_ids()
        self._check_dtypes()

    def _check_order(self) -> None:
        keys = [(entry.latency.p50_ms, entry.accuracy.top1) for entry in self.entries]
        for index, (before, after) in enumerate(pairwise(keys)):
            if before > after:
                raise InvalidValue(
                    "`entries` must ascend in (latency_p50_ms, top1), but "
                    f"{self.entries[index + 1].config_id} comes after "
                    f"{self.entries[index].config_id}"
                )

    def _check_ids(self) -> None:
        if len(self.by_config_id) != len(self.entries):
            ids = Counter(entry.config_id for entry in self.entries)
            raise InvalidValue(
                f"`config_id` must be unique, but {ids.most_common(1)[0][0]} repeats"
            )
        own = self.condition
        for entry in self.entries:
            for other in entry.tied_with:
                if other not in self.by_config_id or other == entry.config_id:
                    raise InvalidValue(
                        f"`tied_with` of {entry.config_id} must name other entries, "
                        f"but got {shown(other)}"
                    )
            if own in entry.conditions:
                raise InvalidValue(
                    f"`conditions` of {entry.config_id} must not repeat the table's own, "
                    f"{shown(own)}"
                )

    def _check_dtypes(self) -> None:
        known = self.target.dtypes
        for entry in self.entries:
            own = entry.config.dtype
            if own not in known and (own is not None or len(known) > 1):
                raise InvalidValue(
                    f"`dtype` of {entry.config_id} must be of the target's, {' or '.join(known)}, "
                    f"but got {shown(own)}"
                )

    def dtype_of(self, entry: Entry) -> str:
        """The number type that one of the entries computes in."""
        return entry.config.dtype or self.target.dtype

    @cached_property
    def by_config_id(self) -> Mapping[str, Entry]:
        """The entries by their config_id, in the table's order."""
        return {entry.config_id: entry for entry in self.entries}

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How a photo becomes the artifacts' input; None: not known, as before version 1.1."""
        found = self.supernet.get("preprocessing")
        return None if found is None else Preprocessing.from_json(found)

    @property
    def condition(self) -> str:
        """What the entries' `latency` was measured under; "steady", or what `under` was given."""
        return str(self.protocol.get("condition", STEADY))

    @cached_property
    def conditions(self) -> tuple[str, ...]:
        """The conditions that entries were measured under, the table's own first."""
        others = (name for entry in self.entries for name in entry.conditions)
        return tuple(dict.fromkeys([self.condition, *others]))

    @property
    def session_spread(self) -> float | None:
        """Largest relative change of a latency between two measuring sessions, at 95 % confidence.

        None if it was not measured; 0.0 under the condition "repeated", whose intervals hold it.
        """
        if self.condition == REPEATED:
            return 0.0
        measured = self.protocol.get("conditions", {}).get(REPEATED, {})
        return float(measured["session_spread"]) if "session_spread" in measured else None

    @property
    def timing_quality(self) -> str:
        """How far the latencies can be relied on, for people to read: noise floor and slowdown."""
        floor = self.protocol.get("noise_floor")
        noise = "noise floor not measured" if floor is None else f"noise floor {floor:.1%}"
        slowdown = self.protocol.get("slowdown") or 0.0
        if slowdown < WORTH_TELLING:
            return noise
        return f"{noise}; the machine ran {slowdown:.0%} slower than at its best"

    def under(self, condition: str) -> "LookupTable":
        """The table whose entries have the latency of `condition`, sorted by it.

        To select, plan, compare or run a session by these latencies, pass this table. Entries that
        were not measured under the condition are left out. Raises InvalidValue if all would be.
        """
        if condition == self.condition:
            return self
        if condition not in self.conditions:
            raise InvalidValue(
                f"the condition must be one that was measured, {', '.join(self.conditions)}, "
                f"but got {shown(condition)}; measure it with python -m nas.measure --conditions"
            )
        entries = [
            entry.under(condition, self.condition)
            for entry in self.entries
            if condition in entry.conditions
        ]
        entries.sort(key=lambda entry: (entry.latency.p50_ms, entry.accuracy.top1))
        protocol = {**self.protocol, "condition": condition}
        return replace(self, protocol=protocol, entries=tuple(entries))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def _header(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "schema_minor": SCHEMA_MINOR,
            "supernet": dict(self.supernet),
            "target": self.target.to_json(),
            "protocol": dict(self.protocol),
            "splits": dict(self.splits),
            "provenance": dict(self.provenance),
        }

    def to_json(self) -> dict[str, Any]:
        """Return the table as JSON values, `schema_version` first."""
        return self._header() | {"entries": [entry.to_json() for entry in self.entries]}

    @classmethod
    def from_json(cls, values: object) -> "LookupTable":
        """The inverse of `to_json`; raise DamagedTable or UnknownVersion."""
        check_version(values, SCHEMA_VERSION, SCHEMA_MINOR)
        header = check_header(values)
        entries = read_entries(header["entries"])
        try:
            return cls(
                target=Target.from_json(header["target"]),
                entries=entries,
                **{name: header[name] for name in ("supernet", "protocol", "splits", "provenance")},
            )
        except InvalidValue as error:
            raise DamagedTable(str(error)) from error

    def write(self, path: str | Path) -> None:
        """Write the file atomically, one entry per line."""
        write_atomically(Path(path), to_text(self.to_json()).encode("utf-8"))

    @classmethod
    def read(cls, path: str | Path, *, strict_target: Target | None = None) -> "LookupTable":
        """Read a file; raises DamagedTable, UnknownVersion or OtherTarget.

        If `strict_target` is given, the table must have been measured on exactly that target.
        """
        path = Path(path)
        try:
            table = cls.from_json(read_json(path))
        except PlannerError as error:
            text = str(error)
            raise type(error)(text if text.startswith(str(path)) else f"{path}: {text}") from error
        if strict_target is not None and table.target != strict_target:
            raise OtherTarget(
                f"{path} must be measured on {strict_target.device} "
                f"({strict_target.fingerprint[:12]}), but was measured on {table.target.device} "
                f"({table.target.fingerprint[:12]}), which differs: "
                f"{listed(target_differences(strict_target, table.target))}; "
                "measure again with python -m nas.measure"
            )
        return table


def to_text(values: Mapping[str, Any]) -> str:
    """Format a table as JSON with one line per field and per entry."""
    lines = []
    for name, value in values.items():
        if name == "entries" and value:
            rows = ",\n".join("    " + json.dumps(entry, allow_nan=False) for entry in value)
            lines.append(f'  "entries": [\n{rows}\n  ]')
        else:
            lines.append(f"  {json.dumps(name)}: {json.dumps(value, allow_nan=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
