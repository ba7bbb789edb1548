"""The planner in a fresh environment that has jsonschema and no more."""

import json
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from planner import Limits, LookupTable, select

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_it_installs_and_decides_in_a_fresh_environment(tmp_path: Path, table: LookupTable) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")

    def run(*command: str) -> str:
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout

    kept = shutil.ignore_patterns(".*", "runs", "build", "tests", "*.egg-info")
    source = shutil.copytree(ROOT, tmp_path / "source", ignore=kept)  # a build writes beside it
    run(python, "-m", "pip", "install", "--quiet", str(source))
    listed = json.loads(run(python, "-m", "pip", "list", "--format", "json"))
    installed = {row["name"].lower() for row in listed}
    assert "mutualnas" in installed
    assert not installed & {"torch", "numpy", "pandas", "streamlit", "onnxruntime"}

    table.write(tmp_path / "table.json")
    assert "valid" in run(python, "-m", "planner", "validate", "table.json")
    chosen = run(python, "-m", "planner", "select", "table.json", "--max-latency-ms", "2")
    expected = select(table, Limits(max_latency_ms=2))
    assert json.loads(chosen)["config_id"] == expected.config_id
    assert "curve" in run(python, "-m", "planner", "plan", "table.json", "--num-entries", "3")
