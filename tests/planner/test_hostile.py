"""Files that a stranger wrote: each is refused fast, in one line, and touches nothing."""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner import LookupTable, TableError, read_tables
from planner.schema import check_all

ROOT = Path(__file__).parents[2]
NUM_RANDOM = 280
MAX_REFUSAL_S = 2.0
WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**70,
    1e308,
    "NaN",
    "",
    "\u0000",
    "x" * 1000,
    [],
    {},
    [[[]]],
    "../../etc/passwd",
    "C:\\windows",
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place within a JSON value."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items if isinstance(value, dict | list) else ():
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))
        else:
            yield (*path, key)


def put(value: Any, path: tuple[Any, ...], wrong: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = wrong


def remove(value: Any, path: tuple[Any, ...]) -> None:
    for key in path[:-1]:
        value = value[key]
    del value[path[-1]]


# What these mappings hold beyond their required keys is free, and so may hold anything finite.
FREE = {("supernet", "recipe", *inner) for inner in ((), ("name",), ("epochs",))}


def damaged(table: LookupTable) -> Iterator[tuple[str, bytes]]:
    """280 by chance from a seed: a wrong value, a missing key, a cut, a flipped byte."""
    generator = random.Random(0)
    whole = json.dumps(table.to_json())
    for index in range(NUM_RANDOM):
        values = json.loads(whole)
        where = generator.choice([p for p in places(values) if p not in FREE])
        if index % 4 == 0:
            yield f"cut-{index}", whole[: generator.randrange(len(whole))].encode()
        elif index % 4 == 1 and isinstance(where[-1], str):
            values.pop(where[0])
            yield f"missing-{where[0]}-{index}", json.dumps(values).encode()
        else:
            put(values, where, {"wrong": [generator.choice(WRONG)]})
            yield f"wrong-{'.'.join(map(str, where))}-{index}", json.dumps(values).encode()


def by_hand(table: LookupTable) -> Iterator[tuple[str, bytes]]:
    """What a generator doesn't think of."""
    whole = json.dumps(table.to_json())
    first = json.dumps(table.entries[0].config_id)
    yield "empty", b""
    yield "binary", bytes(range(256)) * 100
    yield "utf-16", whole.encode("utf-16")
    yield "nan", whole.replace('"noise_floor": 0.02', '"noise_floor": NaN').encode()
    yield "infinity", whole.replace('"noise_floor": 0.02', '"noise_floor": 1e999').encode()
    yield "nested", b'{"schema_version": 1, "supernet": ' + b"[" * 200_000
    yield "nested objects", b'{"schema_version": 1, "supernet": ' + b'{"a":' * 200_000
    yield "many values", b'{"schema_version": 1, "entries": [' + b"0," * 7_000_000 + b"0]}"
    yield "digits", b'{"schema_version": ' + b"1" * 10_000_000 + b"}"
    yield "duplicate key", whole.replace('"splits":', '"splits": {}, "splits":').encode()
    yield "duplicate config", whole.replace(json.dumps(table.entries[1].config_id), first).encode()
    yield (
        "unsorted",
        json.dumps(
            table.to_json() | {"entries": [e.to_json() for e in table.entries[::-1]]}
        ).encode(),
    )
    yield "version 2", whole.replace('"schema_version": 1', '"schema_version": 2').encode()
    yield "surrogate", whole.replace('"mutual"', '"\\ud800"').encode()
    yield "fingerprint", whole.replace('"num_threads": 2', '"num_threads": 3').encode()
    for trick in ("/etc/passwd", "../secret", "a/../../secret", "..\\secret", "con\\u0000.onnx"):
        values = table.to_json()
        values["entries"][0]["artifact"] = {
            "file": trick,
            "sha256": "ab" * 32,
            "size_bytes": 1,
            "max_abs_difference": 0,
        }
        yield f"artifact {trick}", json.dumps(values).encode()


# Reads every file it is given under a limit on its memory, and notes what else gets opened. Calls
# are counted, of Python's functions and of C's, where the time isn't taken.
READ_ALL = """
import json, sys, time
from pathlib import Path
from planner import PlannerError, read_tables
from planner.schema import check_all

try:
    check_all({})  # imports jsonschema, which reads files of its own
except PlannerError:
    pass
opened, calls = [], []
sys.addaudithook(lambda event, values: event == "open" and opened.append(str(values[0])))
results = []
count = lambda _, event, __: event in ("call", "c_call") and calls.append(None)
for path in sorted(Path(sys.argv[1]).iterdir()):
    opened.clear(), calls.clear()
    start = time.perf_counter()
    sys.setprofile(count if sys.argv[2] == "calls" else None)
    try:
        read_tables(path)
        text = "accepted"
    except PlannerError as error:
        text = str(error)
    sys.setprofile(None)
    seconds = time.perf_counter() - start
    assert str(path) in opened
    elsewhere = [name for name in opened if name != str(path)]
    results.append([path.name, seconds, len(calls), text, elsewhere])
print(json.dumps(results))
"""


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))


def read_all(
    cases: list[tuple[str, bytes]], folder: Path, measure: Literal["calls", "seconds"]
) -> list[list[Any]]:
    """Of each case the file's name, seconds, number of calls, error, other files opened."""
    folder.mkdir()
    for index, (_, content) in enumerate(cases):
        (folder / f"{index:03}.json").write_bytes(content)
    result = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(folder), measure],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_memory,
    )
    assert result.returncode == 0, result.stderr
    rows: list[list[Any]] = json.loads(result.stdout)
    assert len(rows) == len(cases)
    return rows


def test_three_hundred_damaged_tables_are_refused_in_one_line_for_no_more_work(
    tmp_path: Path, table: LookupTable
) -> None:
    (tmp_path / "secret").write_text("not to be touched")
    cases = [*damaged(table), *by_hand(table)]
    assert len(cases) >= 300
    folder = tmp_path / "tables"
    whole = ("whole", json.dumps(table.to_json()).encode())
    (_, _, num_calls_for_whole, accepted, _), *rows = read_all([whole, *cases], folder, "calls")
    assert accepted == "accepted"
    for (name, _), (file, _, num_calls, text, elsewhere) in zip(cases, rows, strict=True):
        assert num_calls <= num_calls_for_whole, name
        assert len(text.splitlines()) == 1, name
        assert text.startswith(str(folder / file)), name
        assert len(text) < 1000, name
        assert not elsewhere, name
    assert sorted(p.name for p in tmp_path.iterdir()) == ["secret", "tables"]
    assert len(list(folder.iterdir())) == 1 + len(cases)
    assert (tmp_path / "secret").read_text() == "not to be touched"


@pytest.mark.slow
@pytest.mark.timing
def test_a_damaged_table_is_refused_in_under_two_seconds(
    tmp_path: Path, table: LookupTable
) -> None:
    cases = [*damaged(table), *by_hand(table)]
    rows = read_all(cases, tmp_path / "tables", "seconds")
    for (name, _), (_, seconds, *_) in zip(cases, rows, strict=True):
        assert seconds < MAX_REFUSAL_S, name


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON_VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), wrong=JSON_VALUES)
def test_any_value_anywhere_is_refused_in_one_line_or_fits_the_schema(
    data: st.DataObject, wrong: Any, tmp_path: Path, table: LookupTable
) -> None:
    values = json.loads(json.dumps(table.to_json()))
    put(values, data.draw(st.sampled_from([*places(values)])), wrong)
    path = tmp_path / "table.json"
    path.write_text(json.dumps(values))
    try:
        (read,) = read_tables(path)
    except TableError as error:
        refused = str(error)
    else:
        check_all(read.to_json())
        return
    assert refused.startswith(str(path))
    assert len(refused.splitlines()) == 1


@pytest.fixture(params=[b"", b"[],", b"[[1],"], ids=["sparse", "values", "nest"])
def huge_file(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """25 million values in a file small enough to be opened, or 1 GiB that no disk has to hold."""
    path = tmp_path / "huge.json"
    path.write_bytes(request.param * 25 * 2**20)
    if not request.param:
        os.truncate(path, 2**30)
    yield path
    path.unlink()


def validate(path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "planner", "validate", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_memory,
        env={"PYTHONPATH": str(ROOT)},
    )


def test_a_huge_file_is_refused_unparsed_and_without_its_memory(
    huge_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = validate(huge_file)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert "at most" in result.stderr

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a huge file was parsed")

    monkeypatch.setattr(json, "loads", forbidden)
    with pytest.raises(TableError, match="at most"):
        read_tables(huge_file)


@pytest.mark.slow
@pytest.mark.timing
def test_a_huge_file_is_refused_in_under_two_seconds(huge_file: Path) -> None:
    start = time.perf_counter()
    validate(huge_file)
    assert time.perf_counter() - start < MAX_REFUSAL_S
