"""Target: where a subnet runs. Latencies are comparable only on equal targets."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property

from planner.errors import InvalidValue, shown
from planner.rules import POSITIVE_COUNT, TEXT, check, is_number, is_text

RULES = {
    "device": TEXT,
    "runtime": TEXT,
    "runtime_version": TEXT,
    "batch_size": POSITIVE_COUNT,
    "dtype": TEXT,
    "num_threads": POSITIVE_COUNT,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """A device and a configured runtime; two targets are equal if their fingerprints are."""

    device: str
    """Human-readable name, like "AMD EPYC, 2 threads"."""
    runtime: str
    """eager, inductor, onnxruntime, openvino ..."""
    runtime_version: str
    batch_size: int
    """Images per timed batch."""
    dtype: str
    """float32, float16, int8 ..."""
    num_threads: int
    """Threads that the runtime may use."""
    details: Mapping[str, str | int | float] = field(default_factory=dict)
    """Other properties that affect latency: CPU model, governor, operating system, versions."""

    def __post_init__(self) -> None:
        """Raise InvalidValue for a field outside its range."""
        check(self, RULES)
        for key, value in self.details.items():
            if not (is_text(key) and (is_text(value) or is_number(value))):
                raise InvalidValue(
                    "`details` must map names to short texts or finite numbers, "
                    f"but got {shown(key)}: {shown(value)}"
                )

    @property
    def traits(self) -> tuple[str, str, str, str]:
        """Human-readable device, runtime, threads and batch size."""
        threads = f"{self.num_threads} thread" + "s" * (self.num_threads != 1)
        return self.device, self.runtime, threads, f"batch {self.batch_size}"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of the canonical JSON of every field."""
        text = json.dumps(self._fields(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def _fields(self) -> dict[str, object]:
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return values | {"details": dict(self.details)}

    def to_json(self) -> dict[str, object]:
        """Return all fields and the fingerprint, as in a lookup table's file."""
        return self._fields() | {"fingerprint": self.fingerprint}

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> "Target":
        """The inverse of `to_json`; raises InvalidValue for a fingerprint that doesn't match."""
        given = {key: value for key, value in values.items() if key != "fingerprint"}
        target = cls(**given)  # type: ignore[arg-type]  # the schema has checked the names
        if values.get("fingerprint") != target.fingerprint:
            raise InvalidValue(
                "`fingerprint` must be the SHA-256 of the other fields of `target`, "
                f"{target.fingerprint}, but got {shown(values.get('fingerprint'))}"
            )
        return target

    def __eq__(self, other: object) -> bool:
        """Whether both have the same fingerprint."""
        return isinstance(other, Target) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)
