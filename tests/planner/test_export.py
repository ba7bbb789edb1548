import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from planner import Artifact, Entry, InvalidValue, LookupTable
from planner.export import export, to_csv, to_frame, to_markdown


@pytest.fixture
def mixed(new_table: Callable[..., LookupTable], new_entry: Callable[..., Entry]) -> LookupTable:
    artifact = Artifact(file="a.onnx", sha256="ab" * 32, size_bytes=1, max_abs_difference=0.0)
    one = new_entry(config_id="a", artifact=artifact, tied_with=("b",), peak_memory_bytes=5)
    return new_table((one, new_entry(config_id="b", latency_p50_ms=1.01)))


def test_a_csv_has_a_row_for_each_entry_and_blanks_for_the_unknown(mixed: LookupTable) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(mixed).decode())))
    assert [row["config_id"] for row in rows] == ["a", "b"]
    assert rows[0]["width_mults"] == "0.25_0.5_1"
    assert rows[0]["artifact_file"] == "a.onnx"
    assert rows[0]["tied_with"] == "b"
    assert rows[1]["artifact_file"] == rows[1]["peak_memory_bytes"] == ""
    assert float(rows[1]["latency_p50_ms"]) == 1.01


def test_markdown_has_units_and_sensible_digits(mixed: LookupTable) -> None:
    lines = to_markdown(mixed).decode().splitlines()
    assert lines[0] == "test CPU, 2 threads, onnxruntime 1.32.0, batch 1, float32"
    assert lines[-1] == "| `b` | 81.00 | 79.00-83.00 | 1.01 | 1.2 | 1.5 | 1 | 50,000 |"


def test_a_parquet_file_reads_back_as_the_frame(tmp_path: Path, mixed: LookupTable) -> None:
    export(mixed, tmp_path / "t.parquet")
    frame = to_frame(mixed)
    assert frame.shape == (2, 24)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), frame)


def test_json_is_the_table(tmp_path: Path, mixed: LookupTable) -> None:
    export(mixed, tmp_path / "t.json")
    assert LookupTable.read(tmp_path / "t.json") == mixed
    assert json.loads((tmp_path / "t.json").read_text())["schema_version"] == 1


def test_an_unknown_ending_is_refused(tmp_path: Path, mixed: LookupTable) -> None:
    with pytest.raises(InvalidValue, match=r"\.json, \.csv, \.md, \.parquet, but got 't\.xls'"):
        export(mixed, tmp_path / "t.xls")
    assert not list(tmp_path.iterdir())


def test_a_device_s_name_is_no_markdown(mixed: LookupTable) -> None:
    target = replace(mixed.target, device="![x](http://a.b/c.png)")
    head = to_markdown(replace(mixed, target=target)).decode().splitlines()[0]
    assert head.startswith(r"\!\[x\]")
