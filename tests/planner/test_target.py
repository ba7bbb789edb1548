from collections.abc import Callable
from typing import Any

import pytest

from planner import InvalidValue, Target


def test_equal_fields_give_equal_targets(new_target: Callable[..., Target]) -> None:
    one = new_target(details={"a": 1, "b": "x"})
    other = new_target(details={"b": "x", "a": 1})
    assert one == other
    assert hash(one) == hash(other)
    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device", "other"),
        ("runtime", "openvino"),
        ("runtime_version", "2"),
        ("batch_size", 2),
        ("dtype", "int8"),
        ("num_threads", 1),
        ("details", {}),
    ],
)
def test_every_field_changes_the_fingerprint(
    new_target: Callable[..., Target], name: str, value: Any
) -> None:
    assert new_target() != new_target(**{name: value})


def test_json_gives_the_target_back(new_target: Callable[..., Target]) -> None:
    assert Target.from_json(new_target().to_json()) == new_target()
    seen = new_target(observed={"memory_bytes": 8, "core_limits": "no quota"})
    assert Target.from_json(seen.to_json()).observed == seen.observed


def test_what_was_observed_is_no_part_of_the_fingerprint(
    new_target: Callable[..., Target],
) -> None:
    assert new_target(observed={"cpu_mhz": 2500.5}).fingerprint == new_target().fingerprint


def test_a_changed_field_is_noticed(new_target: Callable[..., Target]) -> None:
    values = new_target().to_json() | {"num_threads": 64}
    with pytest.raises(InvalidValue, match="fingerprint"):
        Target.from_json(values)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 0),
        ("batch_size", True),
        ("num_threads", 1.5),
        ("device", "two\nlines"),
        ("details", {"a": [1]}),
        ("details", {"a": float("nan")}),
        ("observed", {"a": [1]}),
    ],
)
def test_bad_fields_are_refused(new_target: Callable[..., Target], name: str, value: Any) -> None:
    with pytest.raises(InvalidValue, match=f"^`{name}` must"):
        new_target(**{name: value})
