import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from planner.__main__ import EXAMPLES, FORMATS_OF_DIFF, main
from planner.diff_report import REPORTS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("command", EXAMPLES)
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"example: planner {command}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["choose"],
        ["select"],
        ["select", "none.json"],
        ["select", ".", "--max-latency-ms", "5"],
        ["select", "none.json", "--max-latency-ms", "fast"],
        ["plan", "none.json", "--budgets", "x:y"],
        ["diff", "none.json", "none.json"],
        ["diff", "none.json", "none.json", "--fail-on", "everything"],
        ["diff", "none.json", "none.json", "--json", "--markdown"],
        ["validate", "none.json"],
        ["merge", "none.json", "--out", "book.json"],
    ],
)
def test_bad_input_exits_2_with_one_line(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        code: object = main(arguments)
    except SystemExit as error:
        code = error.code
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_it_runs_as_a_module_and_without_a_reader(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "planner", "select", str(tmp_path / "none.json")]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("planner: ")
    assert "Traceback" not in result.stderr


def test_each_format_of_diff_is_an_option() -> None:
    assert list(FORMATS_OF_DIFF) == list(REPORTS)


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"planner {version('mutualnas')}\n"


def test_a_checkout_that_is_not_installed_has_no_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert "not installed" in capsys.readouterr().out
