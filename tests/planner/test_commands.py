import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from planner import Book, Entry, Limits, LookupTable, Target, make_plans, read_tables, select
from planner.__main__ import main


@pytest.fixture
def paths(
    tmp_path: Path,
    new_table: Callable[..., LookupTable],
    new_target: Callable[..., Target],
    new_entries: Callable[..., tuple[Entry, ...]],
) -> list[str]:
    tables = [
        new_table(),
        new_table(new_entries(8, slowness=3.0), target=new_target(device="slow CPU")),
    ]
    for index, table in enumerate(tables):
        table.write(tmp_path / f"{index}.json")
    return [str(tmp_path / f"{index}.json") for index in range(2)]


def test_select_prints_the_entry(paths: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["select", paths[0], "--max-latency-ms", "1.5", "--margin", "1"]) == 0
    (table,) = read_tables(Path(paths[0]))
    expected = select(table, Limits(max_latency_ms=1.5, margin=1.0))
    assert Entry.from_json(json.loads(capsys.readouterr().out)) == expected


def test_select_says_why_nothing_fits(paths: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["select", paths[0], "--max-latency-ms", "0.01"]) == 2
    assert "the fastest, w0.25-r16, takes" in capsys.readouterr().err


def test_merge_then_choose_a_device(
    paths: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = str(tmp_path / "book.json")
    assert main(["merge", *paths, "--out", book]) == 0
    assert main(["select", book, "--max-latency-ms", "5"]) == 2
    assert "`--device` must name one target" in capsys.readouterr().err
    assert main(["select", book, "--max-latency-ms", "5", "--device", "slow"]) == 0
    chosen = json.loads(capsys.readouterr().out)["config_id"]
    table = read_tables(Path(paths[1]))[0]
    assert chosen == select(table, Limits(max_latency_ms=5)).config_id
    assert main(["validate", book, *paths]) == 0
    assert "valid, 2 target(s), 16 entries" in capsys.readouterr().out


def test_targets_of_one_device_are_told_apart(
    new_table: Callable[..., LookupTable],
    new_target: Callable[..., Target],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As in the example: one machine, two runtimes."""
    tables = (new_table(), new_table(target=new_target(runtime="openvino")))
    Book(tables).write(tmp_path / "book.json")
    command = ["select", str(tmp_path / "book.json"), "--max-latency-ms", "5", "--device"]
    assert main([*command, "CPU"]) == 2
    assert "2 threads, openvino, 2 threads, batch 1" in capsys.readouterr().err
    assert main([*command, "openvino"]) == 0


@pytest.mark.parametrize("out", ["none/book.json", ""])
def test_what_cannot_be_written_is_told_in_one_line(
    out: str, paths: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["merge", *paths, "--out", str(tmp_path / out)]) == 2
    assert f"{tmp_path / out} must be a writable file" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.json", "1.json"]


@pytest.mark.parametrize("wrong", ["nan", "-1"])
def test_an_allowance_of_diff_is_checked(
    wrong: str, paths: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", *paths, "--max-top1-drop", wrong]) == 2
    assert "allowances must be 0 or more" in capsys.readouterr().err


def test_plan_prints_the_library_s_plans(
    paths: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *paths, "--num-entries", "3", "--weights", "2", "1"]) == 0
    printed = json.loads(capsys.readouterr().out)
    tables = [read_tables(Path(path))[0] for path in paths]
    plans = make_plans(tables, 3, weights=[2, 1])
    assert [row["regret"] for row in printed["curve"]] == [plan.regret for plan in plans]
    assert tuple(row["config_id"] for row in printed["entries"]) == plans[-1].config_ids
    assert len(printed["entries"][0]["latency_p50_ms"]) == 2


def test_plan_takes_budgets(paths: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", paths[0], "--budgets", "1:3", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["curve"][-1]["regret"] == pytest.approx(0)
    assert main(["plan", paths[0], "--budgets", "0.001"]) == 2
    assert "at least one budget must allow an entry" in capsys.readouterr().err


def test_diff_exits_1_on_a_regression(
    paths: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (old,) = read_tables(Path(paths[0]))
    last = old.entries[-1]
    changed = {n: v * 1.2 for n, v in last.values().items() if n.startswith("latency_")}
    replace(old, entries=(*old.entries[:-1], last.with_values(**changed))).write(
        tmp_path / "n.json"
    )
    arguments = ["diff", paths[0], str(tmp_path / "n.json"), "--max-latency-regress"]
    assert main([*arguments, "0.05"]) == 1
    assert f"{last.config_id} got slower" in capsys.readouterr().out
    assert main(["diff", paths[0], paths[0]]) == 0
    assert "no regression" in capsys.readouterr().out


def test_validate_checks_artifacts(
    paths: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", paths[0]]) == 0
    assert main(["validate", paths[0], "--artifacts", str(tmp_path)]) == 2
    assert "must have an artifact" in capsys.readouterr().err


def test_export_writes_by_the_ending(paths: list[str], tmp_path: Path) -> None:
    for ending in ("csv", "md", "parquet", "json"):
        assert main(["export", paths[0], "--out", str(tmp_path / f"t.{ending}")]) == 0
    assert (tmp_path / "t.json").read_bytes() == Path(paths[0]).read_bytes()
