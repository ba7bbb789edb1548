"""What is offered; tests/nas/export/test_pasted_code.py runs it on real artifacts."""

import ast
import builtins
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.offered_code import to_classify, to_switch
from app.opening import Source
from planner import Artifact, Limits, LookupTable, Preprocessing, select

EXPORTED = Artifact(file="a.onnx", sha256="0" * 64, size_bytes=1, max_abs_difference=0.0)


def exported(table: LookupTable) -> LookupTable:
    steps = Preprocessing(crop_resolution=28).to_json()
    return replace(
        table,
        supernet={**table.supernet, "preprocessing": steps},
        entries=tuple(replace(entry, artifact=EXPORTED) for entry in table),
    )


def undefined_names(code: str) -> set[str]:
    tree, known = ast.parse(code), set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            known |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef):
            known |= {node.name, *(argument.arg for argument in node.args.args)}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            known.add(node.id)
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - known


@pytest.mark.parametrize(
    "limits",
    [
        Limits(max_latency_ms=2.000000001),
        Limits(max_latency_ms=3, percentile="p90", margin=2.0),
        Limits(max_macs=1e6, max_peak_memory_bytes=8e6, max_latency_ms=1.0),
        Limits(),
    ],
)
def test_it_selects_the_very_entry(
    limits: Limits, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source.table.write(tmp_path / "lookup_table.json")
    names: dict[str, Any] = {}
    exec(to_classify(source.table, limits), names)
    assert names["entry"] == select(source.table, limits)


def test_a_picked_entry_is_selected_by_its_name(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source.table.write(tmp_path / "lookup_table.json")
    picked, names = source.table.entries[2], dict[str, Any]()
    exec(to_classify(source.table, Limits(max_latency_ms=9.0), picked), names)
    assert names["entry"] == picked
    runnable = exported(source.table)
    assert undefined_names(to_classify(runnable, Limits(), runnable.entries[2])) == set()


def test_no_name_is_undefined(source: Source) -> None:
    limits = Limits(max_latency_ms=2.0)
    for table in (source.table, exported(source.table)):
        assert undefined_names(to_classify(table, limits)) == set()
    switching = to_switch(exported(source.table), limits)
    assert switching is not None
    assert undefined_names(switching) == set()
    assert undefined_names("resize(image)") == {"resize", "image"}


def test_a_table_that_cannot_be_run_is_not_offered_as_if_it_could(source: Source) -> None:
    limits = Limits(max_latency_ms=2.0)
    old = replace(exported(source.table), supernet=source.table.supernet)
    assert "the table doesn't say how photos are prepared" in to_classify(old, limits)
    bare = replace(exported(source.table), entries=source.table.entries)
    assert "the table names no artifacts" in to_classify(bare, limits)
    for table in (old, bare):
        assert "classify(" not in to_classify(table, limits)
        assert to_switch(table, limits) is None
    assert to_switch(exported(source.table), Limits()) is None


def test_a_table_of_another_runtime_is_told(source: Source) -> None:
    table, limits = exported(source.table), Limits(max_latency_ms=2.0)
    for runtime, told in {"onnxruntime": False, "openvino": True}.items():
        measured = replace(table, target=replace(table.target, runtime=runtime))
        for code in (to_classify(measured, limits), to_switch(measured, limits)):
            assert code is not None
            assert (f"# The latencies were measured in {runtime}." in code) == told
