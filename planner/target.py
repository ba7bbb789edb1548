"""Target: where a subnet runs. Latencies are comparable only on equal targets."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property

from planner.errors import InvalidValue, shown
from planner.rules import POSITIVE_COUNT, TEXT, check, is_number, is_text

NOT_KNOWN = "not known"
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
    """float32, float16, int8 ...; `float32+int8` where each entry names its own."""
    num_threads: int
    """Threads that the runtime may use."""
    details: Mapping[str, str | int | float] = field(default_factory=dict)
    """Other properties that affect latency: instruction sets, caches, governor, versions, GPU."""
    observed: Mapping[str, str | int | float] = field(default_factory=dict)
    """What was seen while measuring and may differ the next time: usable cores, memory, clocks.
    It is no part of the fingerprint."""

    def __post_init__(self) -> None:
        """Raise InvalidValue for a field outside its range."""
        check(self, RULES)
        for name in ("details", "observed"):
            for key, value in getattr(self, name).items():
                if not (is_text(key) and (is_text(value) or is_number(value))):
                    raise InvalidValue(
                        f"`{name}` must map names to short texts or finite numbers, "
                        f"but got {shown(key)}: {shown(value)}"
                    )

    @property
    def traits(self) -> tuple[str, str, str, str]:
        """Human-readable device, runtime, threads and batch size."""
        threads = f"{self.num_threads} thread" + "s" * (self.num_threads != 1)
        return self.device, self.runtime, threads, f"batch {self.batch_size}"

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The number types that entries compute in: one, or several of which each names its own."""
        return tuple(self.dtype.split("+"))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of the canonical JSON of every field but `observed`."""
        text = json.dumps(self.identity, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    @property
    def identity(self) -> dict[str, object]:
        """The fields that the fingerprint is made of, as JSON values."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        del values["observed"]
        return values | {"details": dict(self.details)}

    def known(self, name: str) -> str:
        """The detail or observation of this name as text; "not known" if the target lacks it."""
        return str(self.details.get(name, self.observed.get(name, NOT_KNOWN)))

    def to_json(self) -> dict[str, object]:
        """Return all fields and the fingerprint, as in a lookup table's file.

        `observed` is left out if it is empty, as in files from before version 1.2.
        """
        observed = {"observed": dict(self.observed)} if self.observed else {}
        return self.identity | observed | {"fingerprint": self.fingerprint}

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
