"""The GitHub Actions example of docs/ci.md, run as it stands there, on tables of a test."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.planner.diff_gate import CASES, make_table
from mutualnas.__main__ import COMMANDS
from nas.measure.__main__ import main as measure

ROOT = Path(__file__).parents[1]


def steps() -> dict[str, str]:
    """The commands of each step, by its name."""
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    job: dict[str, Any] = yaml.safe_load(block)["jobs"]["gate"]
    return {step["name"]: step["run"] for step in job["steps"] if "run" in step}


def test_the_example_is_a_job_of_four_steps() -> None:
    assert list(steps()) == ["Install", "Measure", "Validate", "Compare"]


def test_what_it_measures_with_exists(capsys: pytest.CaptureFixture[str]) -> None:
    command, name, *words = steps()["Measure"].split()
    assert (command, COMMANDS[name].package) == ("mutualnas", "nas.measure")
    with pytest.raises(SystemExit):
        measure(["--help"])
    known = capsys.readouterr().out
    assert {word for word in words if word.startswith("--")} <= set(known.split())


@pytest.mark.slow
@pytest.mark.parametrize(("slowdown", "code"), [(1.0, 0), (1.05, 1)])
def test_its_gate_finds_a_slowdown(slowdown: float, code: int, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    command = tmp_path / "planner"  # tests/test_wheel.py installs it
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m planner "$@"\n')
    command.chmod(0o755)
    exact, half = [0.0] * 12, CASES["all 5 % slower"].half_interval
    make_table(exact, half, [1.0] * 12).write(tmp_path / "tables" / "released.json")
    make_table(exact, half, [slowdown] * 12).write(tmp_path / "new.json")
    for name, expected in {"Validate": 0, "Compare": code}.items():
        done = subprocess.run(
            [str(shutil.which("bash")), "-e", "-c", steps()[name]],
            cwd=tmp_path,
            env=os.environ
            | {
                "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expected, done.stderr
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("### Regression" if code else "### No regression")
