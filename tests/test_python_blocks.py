"""The Python blocks of README.md and docs/python.md run in order, as a reader would run them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "docs/python.md")
MAX_LINES = 12
"""Of the script in the README, imports included."""


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)


def test_training_and_searching_a_dataset_of_ones_own_takes_ten_lines() -> None:
    (script,) = blocks("README.md")
    assert len([line for line in script.splitlines() if line]) <= MAX_LINES


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_blocks_run(name: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("\n".join(blocks(name)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
