from collections.abc import Callable
from pathlib import Path

import pytest

from planner import Target, read_tables, target_differences
from planner.target_difference import listed

OLD_BOOK = Path(__file__).parent / "data" / "version_1_book.json"
WIDE = {"cpu": "AMD EPYC", "instruction_sets": "avx avx2 avx512f avx512bw", "cpu_family": "26"}
NARROW = {"cpu": "AMD EPYC", "instruction_sets": "avx avx2 fma", "cpu_family": "25"}

Targets = Callable[..., Target]


def test_equal_targets_do_not_differ_whatever_was_observed(new_target: Targets) -> None:
    now, then = new_target(observed={"memory_bytes": 1}), new_target(observed={"cpu_mhz": 2.5})
    assert target_differences(now, then) == ()
    assert now == then


def test_two_processors_of_one_name_are_told_apart(new_target: Targets) -> None:
    wide, narrow = (new_target(device="AMD EPYC", details=each) for each in (WIDE, NARROW))
    assert wide != narrow
    assert target_differences(wide, narrow) == (
        "instruction_sets: without avx512bw avx512f, with fma",
        "cpu_family: 26 -> 25",
    )


def test_every_identifying_field_is_named(new_target: Targets) -> None:
    changes = {"device": "other", "batch_size": 8, "dtype": "int8", "details": {"a": 1}}
    found = target_differences(new_target(details={"a": 2}), new_target(**changes))
    assert found[1:] == ("batch_size: 1 -> 8", "dtype: float32 -> int8", "a: 2 -> 1")
    assert found[0].startswith("device: test CPU")


def test_what_an_old_table_does_not_say_is_not_known(new_target: Targets) -> None:
    (old, *_) = read_tables(OLD_BOOK)
    assert old.target.known("instruction_sets") == "not known"
    assert old.target.known("cpu") == "AMD EPYC"
    assert "observed" not in old.target.to_json()
    differences = target_differences(old.target, new_target(device="AMD EPYC", details=WIDE))
    assert "instruction_sets: not known -> avx avx2 avx512f avx512bw" in differences


def test_many_sets_and_many_differences_are_counted(new_target: Targets) -> None:
    many, none = (
        new_target(details={"instruction_sets": " ".join(sets)})
        for sets in ([f"avx{i}" for i in range(9)], ["sse"])
    )
    (text,) = target_differences(many, none)
    assert text == "instruction_sets: without avx0 avx1 avx2 avx3 avx4 avx5 and 3 more, with sse"
    assert listed([str(i) for i in range(9)]) == "0; 1; 2; 3; 4; 5; and 3 more"
    assert listed(["only"]) == "only"


@pytest.mark.parametrize("name", ["memory_bytes", "nothing"])
def test_a_target_says_what_was_observed(new_target: Targets, name: str) -> None:
    target = new_target(observed={"memory_bytes": 1})
    assert target.known(name) == {"memory_bytes": "1"}.get(name, "not known")
