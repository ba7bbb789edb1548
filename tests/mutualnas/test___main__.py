"""The one command: what it starts, and what it says where it can't."""

import importlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from mutualnas.__main__ import COMMANDS, foreign_package, main, run

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "app" / "example" / "book.json"

# A process in which some packages can't be imported, as where they are not installed.
WITHOUT = """
import sys
missing, sys.argv[1:] = sys.argv[1].split(","), sys.argv[2:]
sys.modules.update(dict.fromkeys(missing))
from mutualnas.__main__ import main
code = main()
print(*sys.modules)
sys.exit(code)
"""


@pytest.fixture(autouse=True)
def same_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command appends to `sys.path`; here that ends with the test."""
    monkeypatch.setattr(sys, "path", [*sys.path])


def without(missing: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, missing, *words], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_the_one_of_its_package(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(importlib.import_module(f"{COMMANDS[name].package}.__main__").main)
    try:
        code = run(name, ["--help"])
    except SystemExit as done:  # argparse
        code = int(done.code or 0)
    assert code == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: ")
    assert "example" in shown or name == "planner"


def test_the_code_of_a_command_is_returned(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["planner", "validate", str(BOOK)]) == 0
    assert "valid, 2 target(s)" in capsys.readouterr().out
    assert main(["planner", "validate", "none.json"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "examples:\n  mutualnas " in shown
    for name, command in COMMANDS.items():
        assert f"\n  {name} " in shown
        assert command.summary in shown


def test_the_version_is_the_installed_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"mutualnas {version('mutualnas')}\n"


@pytest.mark.parametrize("words", [[], ["serach"], ["--verbose"], [""]])
def test_anything_else_is_refused_in_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "train, health, search" in said


@pytest.mark.parametrize(
    ("name", "missing", "requirement"),
    [
        ("train", "torch", "mutualnas[train]"),
        ("search", "rich", "mutualnas[search]"),
        ("health", "torch", "mutualnas[search]"),
        ("explorer", "streamlit", "mutualnas[app]"),
    ],
)
def test_what_is_not_installed_is_named_in_one_line(
    name: str, missing: str, requirement: str
) -> None:
    done = without(missing, name)
    assert done.returncode == 2
    assert done.stderr == (
        f"mutualnas {name} needs {missing}, which is not installed: pip install '{requirement}'\n"
    )


def test_the_planner_starts_without_all_that_the_others_need() -> None:
    heavy = "torch,torchvision,numpy,pandas,optuna,onnxruntime,streamlit,plotly,rich"
    done = without(heavy, "planner", "validate", str(BOOK))
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert not loaded & {"supernet", "nas", "app"}


@pytest.mark.parametrize("made", ["app/__init__.py", "app.py", "planner/__init__.py"])
def test_a_foreign_package_is_refused_in_one_line(made: str, tmp_path: Path) -> None:
    """`python -m` and PYTHONPATH put the user's folder before ours; the command itself does not."""
    (tmp_path / made).parent.mkdir(exist_ok=True)
    (tmp_path / made).touch()
    done = subprocess.run(
        [sys.executable, "-m", "mutualnas", "explorer"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(tmp_path / made.removesuffix("/__init__.py")) in done.stderr
    assert str(ROOT) in done.stderr


def test_the_place_of_a_package_is_compared(tmp_path: Path) -> None:
    assert foreign_package(["planner", "app"], ROOT) is None
    said = foreign_package(["planner", "app"], tmp_path)
    assert said is not None
    assert str(ROOT / "planner") in said
    assert "\n" not in said


def test_the_current_folder_is_searched_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [*sys.path]
    monkeypatch.chdir(tmp_path)
    assert run("planner", ["validate", str(BOOK)]) == 0
    assert sys.path == [*before, str(tmp_path)]


@pytest.mark.slow
def test_a_network_in_the_current_folder_is_found_and_replaces_nothing(tmp_path: Path) -> None:
    """A console script's folder comes first on the path; the current one is not on it at all."""
    (tmp_path / "my_net.py").write_text("def make(num_classes):\n    return 'no network'\n")
    (tmp_path / "torch.py").write_text("raise SystemExit('the wrong torch')\n")
    script = tmp_path / "bin" / "mutualnas"
    script.parent.mkdir()
    script.write_text(
        "import sys\nfrom mutualnas.__main__ import main\nif __name__ == '__main__':\n"
        "    sys.exit(main())\n"
    )
    words = ["train", "--model", "my_net:make", "--epochs", "1", "--out", "run"]
    done = subprocess.run(
        [sys.executable, str(script), *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "'my_net:make' must return a torch.nn.Module, but got str" in done.stderr
