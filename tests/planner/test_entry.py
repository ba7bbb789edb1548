import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from planner import Artifact, Entry, InvalidValue
from planner.entry import ENTRY_FIELDS
from planner.schema import load_schema

ARTIFACT = {
    "file": "artifacts/w1-r28.onnx",
    "sha256": "cd" * 32,
    "size_bytes": 1000,
    "max_abs_difference": 1e-6,
}


def test_json_gives_the_entry_back(new_entry: Callable[..., Entry]) -> None:
    entry = new_entry(artifact=Artifact(**ARTIFACT), tied_with=("a", "b"))  # type: ignore[arg-type]
    assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry
    assert Entry.from_json(new_entry().to_json()) == new_entry()


def test_how_a_file_compares_is_absent_where_it_is_not_known(
    new_entry: Callable[..., Entry],
) -> None:
    """Tables from before version 1.3 don't say."""
    known = new_entry(artifact=Artifact(**ARTIFACT, agreement=0.98, top1_difference=-0.005))  # type: ignore[arg-type]
    values = json.loads(json.dumps(known.to_json()))
    assert (values["artifact"]["agreement"], values["artifact"]["top1_difference"]) == (
        0.98,
        -0.005,
    )
    assert Entry.from_json(values) == known
    old = new_entry(artifact=Artifact(**ARTIFACT))  # type: ignore[arg-type]
    assert old.to_json()["artifact"] == ARTIFACT
    assert Entry.from_json(old.to_json()) == old


def test_what_was_not_asked_for_or_not_measured_is_absent(new_entry: Callable[..., Entry]) -> None:
    known = new_entry(budget_probability=0.75, energy_mj=12.5)
    assert (known.to_json()["budget_probability"], known.to_json()["energy_mj"]) == (0.75, 12.5)
    assert Entry.from_json(known.to_json()) == known
    assert not {"budget_probability", "energy_mj"} & new_entry().to_json().keys()


@pytest.mark.parametrize(
    "file",
    ["/etc/passwd", "../x", "a/../b", "a//b", "a/", "", ".", "C:\\x", "a\\b", "~/x", "a\0b", "a\n"],
)
def test_an_artifact_stays_in_its_folder(file: str) -> None:
    with pytest.raises(InvalidValue, match=r"^`file` must be a path within"):
        Artifact(**(ARTIFACT | {"file": file}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": "x"},
        {"size_bytes": 0},
        {"max_abs_difference": -1},
        {"max_abs_difference": None},
        {"agreement": 1.5},
        {"agreement": "all"},
        {"top1_difference": -2},
        {"top1_difference": float("nan")},
    ],
)
def test_a_wrong_artifact_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="must be"):
        Artifact(**(ARTIFACT | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"top1_selection": 2},
        {"tied_with": ["a"]},
        {"tied_with": ("a", "a")},
        {"artifact": {}},
        {"energy_mj": 0},
        {"energy_mj": 2**63},
    ],
)
def test_a_wrong_entry_is_refused(new_entry: Callable[..., Entry], changes: Any) -> None:
    with pytest.raises(InvalidValue, match="must be"):
        new_entry(**changes)


@pytest.mark.parametrize("values", [None, [], {}, "entry"])
def test_what_is_no_object_of_an_entry_is_refused(values: object) -> None:
    with pytest.raises(InvalidValue, match="an entry must"):
        Entry.from_json(values)


SOMETHING = st.sampled_from(
    [None, True, 0, 1, -1, 0.5, 2, 1e300, 2**63, 2**63 - 1, "", "a", "grid", "predicted"]
) | st.sampled_from([[], [1], [0.5, 1], ["a"], ["a", "a"], [None], {}, ARTIFACT, "../a"])


@given(st.dictionaries(st.sampled_from(sorted(ENTRY_FIELDS)), SOMETHING, max_size=2))
def test_what_an_entry_accepts_the_schema_accepts(changes: dict[str, Any]) -> None:
    """The schema is the contract; Entry checks it faster, and the order besides."""
    from_conftest = {"top1_low": 0.0, "top1_high": 1.0, "latency_p99_ms": 1e18}
    values = json.loads(json.dumps(BASE | from_conftest | changes))
    valid = Draft202012Validator(SCHEMA).is_valid(values)
    try:
        Entry.from_json(values)
    except InvalidValue as error:
        ordered = "must hold" in str(error) or "for a measured latency" in str(error)
        assert ordered or not valid
    else:
        assert valid


SCHEMA = load_schema()["$defs"]["entry"] | {"$defs": load_schema()["$defs"]}
BASE: dict[str, Any] = {
    "config_id": "w1-r28",
    "origin": "grid",
    "width_mults": [1.0],
    "resolution": 28,
    "top1": 0.9,
    "top1_low": 0.8,
    "top1_high": 0.95,
    "macs": 100,
    "num_params": 10,
    "latency_p50_ms": 1.0,
    "latency_p90_ms": 1.0,
    "latency_p99_ms": 1.0,
    "latency_p50_low_ms": 1.0,
    "latency_p50_high_ms": 1.0,
    "num_samples": 5,
    "kind": "measured",
    "peak_memory_bytes": None,
    "top1_selection": 0.9,
    "tied_with": [],
    "artifact": None,
}
