import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from planner import (
    DamagedTable,
    Entry,
    InvalidValue,
    LookupTable,
    OtherTarget,
    Target,
    UnknownVersion,
    read_tables,
)
from planner.artifacts import sha256_of


def test_a_file_gives_the_table_back(tmp_path: Path, table: LookupTable) -> None:
    path = tmp_path / "lookup_table.json"
    table.write(path)
    assert LookupTable.read(path) == table
    assert next(iter(json.loads(path.read_text()))) == "schema_version"
    assert len(path.read_text().splitlines()) == 11 + len(table)


def test_writing_what_was_read_gives_the_same_bytes(tmp_path: Path, table: LookupTable) -> None:
    table.write(tmp_path / "one.json")
    LookupTable.read(tmp_path / "one.json").write(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_a_table_may_be_empty(tmp_path: Path, new_table: Callable[..., LookupTable]) -> None:
    new_table(()).write(tmp_path / "x.json")
    assert len(LookupTable.read(tmp_path / "x.json")) == 0


@pytest.mark.parametrize(
    ("protocol", "told"),
    [
        ({"noise_floor": 0.0132, "slowdown": 0.08}, "noise floor 1.3%"),
        (
            {"noise_floor": 0.0132, "slowdown": 0.26},
            "noise floor 1.3%; the machine ran 26% slower than at its best",
        ),
        ({"noise_floor": None}, "noise floor not measured"),
    ],
)
def test_how_far_the_latencies_can_be_relied_on_is_told(
    table: LookupTable, protocol: dict[str, float | None], told: str
) -> None:
    without = {name: value for name, value in table.protocol.items() if name != "slowdown"}
    assert replace(table, protocol=without | protocol).timing_quality == told


def test_entries_are_found_by_config_id(table: LookupTable) -> None:
    entry = table.entries[3]
    assert table.by_config_id[entry.config_id] is entry
    assert list(table) == list(table.entries)


def test_another_target_than_the_strict_one_is_refused(
    tmp_path: Path, table: LookupTable, new_target: Callable[..., Target]
) -> None:
    table.write(tmp_path / "x.json")
    assert LookupTable.read(tmp_path / "x.json", strict_target=new_target()) == table
    with pytest.raises(OtherTarget, match=r"nas\.measure"):
        LookupTable.read(tmp_path / "x.json", strict_target=new_target(num_threads=1))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("supernet", {}),
        ("protocol", {"noise_floor": "low", "num_rounds": 1, "num_samples": 1, "warmup": 1}),
        ("splits", {"train": 1}),
        ("provenance", {"versions": {}, "command": "x", "created_utc": "today"}),
    ],
)
def test_a_wrong_field_is_refused(
    new_table: Callable[..., LookupTable], field: str, value: Any
) -> None:
    with pytest.raises(InvalidValue, match=f"^`{field}"):
        new_table(**{field: value})


def test_entries_must_ascend(
    new_table: Callable[..., LookupTable], new_entries: Callable[..., tuple[Entry, ...]]
) -> None:
    with pytest.raises(InvalidValue, match="`entries` must ascend"):
        new_table(new_entries(3)[::-1])


def test_config_ids_must_differ(
    new_table: Callable[..., LookupTable], new_entry: Callable[..., Entry]
) -> None:
    with pytest.raises(InvalidValue, match=r"`config_id` must be unique, but w0.25_0.5_1-r24"):
        new_table((new_entry(), new_entry()))


def test_entries_name_their_number_type_where_there_are_several(
    new_table: Callable[..., LookupTable], new_entry: Callable[..., Entry], table: LookupTable
) -> None:
    mixed = replace(table.target, dtype="float32+int8")
    pair = (new_entry(config_id="a", dtype="float32"), new_entry(config_id="a-int8", dtype="int8"))
    read = LookupTable.from_json(replace(table, target=mixed, entries=pair).to_json())
    assert [*map(read.dtype_of, read)] == ["float32", "int8"]
    with pytest.raises(InvalidValue, match="`dtype` of b must be of the target's, float32 or int8"):
        replace(table, target=mixed, entries=(new_entry(config_id="b"),))
    with pytest.raises(InvalidValue, match=r"`dtype` of a-int8 must be .* float32, but got 'int8'"):
        new_table(pair)
    assert [*map(table.dtype_of, table)] == ["float32"] * len(table)
    assert '"dtype"' not in json.dumps(table.to_json()["entries"])


def test_ties_name_other_entries(
    new_table: Callable[..., LookupTable], new_entry: Callable[..., Entry]
) -> None:
    pair = (new_entry(config_id="a", tied_with=("b",)), new_entry(config_id="b", tied_with=("a",)))
    assert len(new_table(pair)) == 2
    for tied_with in (("c",), ("a",)):
        with pytest.raises(InvalidValue, match="`tied_with` of a must name other entries"):
            new_table((new_entry(config_id="a", tied_with=tied_with),))


def test_a_later_version_is_refused(tmp_path: Path, table: LookupTable) -> None:
    (tmp_path / "x.json").write_text(json.dumps(table.to_json() | {"schema_version": 2}))
    with pytest.raises(UnknownVersion, match=r"x.json: `schema_version` must be at most 1"):
        LookupTable.read(tmp_path / "x.json")


def test_damage_is_told_in_one_line_with_the_file_and_the_entry(
    tmp_path: Path, table: LookupTable
) -> None:
    values = table.to_json()
    values["entries"][2]["top1"] = 81.0
    path = tmp_path / "x.json"
    path.write_text(json.dumps(values))
    with pytest.raises(DamagedTable) as caught:
        LookupTable.read(path)
    assert str(caught.value) == (
        f"{path}: entry 2: `top1` must be a number from 0 to 1, but got 81.0"
    )


DATA = Path(__file__).parent / "data"
VERSION_1 = {
    "version_1_table.json": ("83afa3632fa1851b6147941c6cffdb35fb26f594bb93bde26a90cc1b941a0976"),
    "version_1_book.json": ("d78c083b4ecb8b1d3172963149c048563f8f35449f7dca5a136a29523e59c97d"),
}


@pytest.mark.parametrize("name", VERSION_1)
def test_a_file_from_version_1_will_always_load(name: str) -> None:
    """The files are never rewritten: their sha256 stands here. A later reader must take them."""
    assert sha256_of(DATA / name) == VERSION_1[name]
    for table in read_tables(DATA / name):
        first, second = table.entries[:2]
        assert first.config_id == "w0.25-r16"
        assert first.accuracy.top1 == 0.846
        assert first.peak_memory_bytes == 123456
        assert first.artifact is not None
        assert first.artifact.file == "artifacts/a.onnx"
        assert (second.latency.kind, second.latency.num_samples) == ("predicted", 0)
        assert table.supernet["model"]
        assert table.target.runtime == "onnxruntime"
