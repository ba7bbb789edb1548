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


def under_pause(path: str, slower: float) -> str:
    """The table, with each latency after a pause `slower` times the steady one."""
    (table,) = read_tables(Path(path))
    entries = []
    for entry in table:
        times = {n: v * slower for n, v in vars(entry.latency).items() if n.endswith("_ms")}
        paused = replace(entry.latency, **times, num_samples=20)
        entries.append(replace(entry, conditions={"after_pause": paused}))
    replace(table, entries=tuple(entries)).write(path)
    return path


def test_select_under_a_condition_says_so(
    paths: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = under_pause(paths[0], 3.0)
    options = ["select", path, "--max-latency-ms", "3"]
    assert main(options) == 0
    steady = json.loads(capsys.readouterr().out)
    assert main([*options, "--condition", "after_pause"]) == 0
    paused = json.loads(capsys.readouterr().out)
    assert paused.pop("condition") == "after_pause"
    assert paused["top1"] < steady["top1"]
    assert paused["latency_p50_ms"] <= 3
    assert paused["conditions"]["steady"]["latency_p50_ms"] <= 1
    assert Entry.from_json(paused).config_id == paused["config_id"]


def test_a_condition_that_was_not_measured_is_one_line(
    paths: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["select", paths[0], "--condition", "sustained"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "was measured, steady, but got 'sustained'" in line
    assert paths[0] in line


def test_diff_compares_under_a_condition(
    paths: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (under_pause(path, slower) for path, slower in zip(paths, (3, 1), strict=True))
    assert main(["diff", first, second]) == 1  # three times as slow
    assert main(["diff", first, second, "--condition", "after_pause", "--text"]) == 0
    assert "no regression" in capsys.readouterr().out


def test_select_says_why_nothing_fits(paths: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["select", paths[0], "--max-latency-ms", "0.01"]) == 3
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
    assert "`max_top1_drop` must be 0 or more" in capsys.readouterr().err


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
    assert main(["plan", paths[0], "--budgets", "0.001"]) == 3
    assert "at least one budget must allow an entry" in capsys.readouterr().err


@pytest.fixture
def slower(paths: list[str], tmp_path: Path) -> str:
    """The first table with its last entry 20 % slower."""
    (old,) = read_tables(Path(paths[0]))
    last = old.entries[-1]
    changed = {n: v * 1.2 for n, v in last.values().items() if n.startswith("latency_")}
    path = tmp_path / "n.json"
    replace(old, entries=(*old.entries[:-1], last.with_values(**changed))).write(path)
    return str(path)


def test_diff_exits_1_on_a_regression(
    paths: list[str], slower: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", paths[0], slower, "--max-latency-regress", "0.05"]) == 1
    assert "w1-r28 got slower" in capsys.readouterr().out
    assert main(["diff", paths[0], paths[0]]) == 0
    assert "no regression" in capsys.readouterr().out


def test_diff_fails_on_what_is_asked_for(
    paths: list[str], slower: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", paths[0], slower, "--fail-on", "accuracy", "common"]) == 0
    assert main(["diff", paths[0], slower, "--fail-on", "latency"]) == 1
    assert main(["diff", paths[0], slower, "--fail-on"]) == 0
    assert main(["diff", paths[0], slower, "--session-spread", "0.2"]) == 0
    capsys.readouterr()
    assert main(["diff", *paths, "--fail-on", "target"]) == 1
    assert "measured on different targets" in capsys.readouterr().out


def test_diff_prints_json_or_markdown(
    paths: list[str], slower: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", paths[0], slower, "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["verdict"] == "regression"
    assert [one["kind"] for one in printed["regressions"]] == ["latency"]
    assert main(["diff", paths[0], slower, "--markdown"]) == 1
    assert capsys.readouterr().out.startswith("### Regression in the lookup table\n")


def test_three_kinds_of_failure_have_exit_codes_of_their_own(
    paths: list[str], slower: str, tmp_path: Path
) -> None:
    """A regression, a file that can't be used, and a budget that nothing fits."""
    (tmp_path / "damaged.json").write_text("{}")
    assert main(["diff", paths[0], slower]) == 1
    assert main(["select", str(tmp_path / "damaged.json")]) == 2
    assert main(["select", paths[0], "--max-latency-ms", "0.01"]) == 3


def test_batch_1_can_be_chosen_beside_batch_16(
    new_table: Callable[..., LookupTable],
    new_target: Callable[..., Target],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tables = [new_table(target=new_target(batch_size=size)) for size in (16, 1)]
    Book(tuple(tables)).write(tmp_path / "book.json")
    for size in (1, 16):
        out = str(tmp_path / f"{size}.json")
        command = ["export", str(tmp_path / "book.json"), "--device", f"batch {size}"]
        assert main([*command, "--out", out]) == 0
        assert LookupTable.read(out).target.batch_size == size


def test_validate_checks_artifacts(
    paths: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", paths[0]]) == 0
    assert main(["validate", paths[0], "--artifacts", str(tmp_path)]) == 2
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 8, "one line for each entry"
    assert "must have an artifact" in printed[0]


def test_validate_goes_on_after_a_bad_file(
    paths: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = [str(tmp_path / name) for name in ("damaged.json", "missing.json")]
    Path(bad[0]).write_text("{}")
    assert main(["validate", bad[0], paths[0], bad[1], paths[1]]) == 2
    captured = capsys.readouterr()
    assert [line.partition(": ")[0] for line in captured.out.splitlines()] == paths
    assert all(path in captured.err for path in bad)
    assert main(["validate", "--json", bad[0], paths[0]]) == 2
    first, second = json.loads(capsys.readouterr().out)
    assert (first["file"], first["is_valid"], second["is_valid"]) == (bad[0], False, True)
    assert second["num_entries"] == 8


def test_export_writes_by_the_ending(paths: list[str], tmp_path: Path) -> None:
    for ending in ("csv", "md", "parquet", "json"):
        assert main(["export", paths[0], "--out", str(tmp_path / f"t.{ending}")]) == 0
    assert (tmp_path / "t.json").read_bytes() == Path(paths[0]).read_bytes()
