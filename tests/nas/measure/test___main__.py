import json
from pathlib import Path
from typing import Any

import pytest

from nas.measure.__main__ import main
from nas.measure.measuring import table_of
from planner import LookupTable
from supernet.cores import Cores


@pytest.mark.parametrize("text", ["{", "[]", '{"target": {}}'])
def test_a_file_that_is_no_measurement_is_one_clear_line(
    text: str, table: LookupTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table.write(tmp_path / "table.json")
    (tmp_path / "wrong.json").write_text(text)
    names = [str(tmp_path / name) for name in ("table.json", "wrong.json", "out.json")]
    assert main([names[0], "--from", names[1], "--out", names[2]]) == 2
    error = capsys.readouterr().err
    assert "wrong.json must be the measurements.json of a kit" in error
    assert error.count("\n") == 1
    assert not Path(names[2]).exists()


def test_the_command_writes_the_table(
    table: LookupTable, measurements: dict[str, Any], tmp_path: Path
) -> None:
    table.write(tmp_path / "table.json")
    (tmp_path / "measurements.json").write_text(json.dumps(measurements))
    names = [str(tmp_path / name) for name in ("table.json", "measurements.json", "out.json")]
    assert main([names[0], "--from", names[1], "--out", names[2]]) == 0
    assert LookupTable.read(Path(names[2])) == table_of(table, measurements)


def test_the_same_entries_are_measured_in_another_runtime_here(
    run_with_table: Path, tmp_path: Path
) -> None:
    source, out = run_with_table / "search" / "lookup_table.json", tmp_path / "eager.json"
    options = ["--runtime", "eager", "--max-s", "1", "--allow-noisy"]
    assert main([str(source), *options, "--device", "cpu", "--out", str(out)]) == 0
    before, after = LookupTable.read(source), LookupTable.read(out)
    assert after.target.runtime == "eager"
    assert after.target.num_threads == before.target.num_threads == 1
    assert {e.config_id: e.accuracy.top1 for e in after} == {
        e.config_id: e.accuracy.top1 for e in before
    }
    assert all(entry.latency.num_samples > 8 for entry in after)
    assert after.protocol["num_rounds"] >= 8


def test_a_runtime_that_is_not_there_is_one_clear_line(
    run_with_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = run_with_table / "search" / "lookup_table.json"
    out = tmp_path / "out.json"
    assert main([str(source), "--runtime", "toaster", "--device", "cpu", "--out", str(out)]) == 2
    assert "the runtime must be one of" in capsys.readouterr().err
    assert not out.exists()


def test_the_table_of_a_moved_run_needs_the_option_that_says_where_its_supernet_is(
    table: LookupTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "elsewhere" / "table.json", tmp_path / "out.json"
    source.parent.mkdir()
    table.write(source)
    assert main([str(source), "--device", "cpu", "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.endswith("pass the run that holds it as --supernet\n")
    assert error.count("\n") == 1


def test_more_threads_than_usable_cores_are_refused_before_the_supernet_is_read(
    table: LookupTable,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nas.threads.usable_cores", lambda: Cores(frozenset({0, 1}), None))
    table.write(tmp_path / "table.json")
    names = [str(tmp_path / name) for name in ("table.json", "out.json")]
    assert main([names[0], "--num-threads", "4", "--device", "cpu", "--out", names[1]]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "may use, 2 (affinity to 2, no quota), but got 4; use --num-threads 2" in line


def test_no_thread_is_one_clear_line(
    run_with_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = run_with_table / "search" / "lookup_table.json", tmp_path / "out.json"
    options = ["--num-threads", "0", "--device", "cpu", "--out", str(out)]
    assert main([str(source), *options]) == 2
    assert "the number of threads must be >= 1, but got 0" in capsys.readouterr().err
    assert not out.exists()
