"""Networks with awkward habits: each is trained as a plain loop trains it, or refused in a line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers.awkward_networks import NETWORKS

ROOT = Path(__file__).parents[3]
MEMBER = ROOT / "tests" / "workers" / "awkward_member.py"
SLOW = pytest.mark.slow

REFUSED = {
    "AllFrozen": "requires_grad is False for all",
    "Brain": "must be float32, but stem.0.weight is bfloat16",
    "Complex": "must be real, but filter is complex64",
    "CountedInAttribute": "changes passes",
    "CountedSteps": "changes passes",
    "Double": "must be float32, but stem.0.weight is float64",
    "DoubleHead": "must be float32, but head.weight is float64",
    "EmaTeacher": "teacher.weight",
    "ExtraObject": "_extra_state",
    "OwnGenerator": "changes coins",
    "SpectralNormed": "changes body.0.parametrizations.weight.0._u",
    "WarmsUp": "uses stem.1.num_batches_tracked",
}
"""What is refused, and what the line must name; all others are trained right."""


@pytest.mark.parametrize(
    ("num_processes", "dtype"),
    [
        pytest.param(1, "float32", marks=SLOW),
        pytest.param(1, "bfloat16", marks=SLOW),
        pytest.param(2, "float32", marks=SLOW),
        pytest.param(2, "bfloat16", marks=SLOW),
    ],
)
def test_each_is_trained_right_or_refused(num_processes: int, dtype: str, tmp_path: Path) -> None:
    start = [sys.executable]
    if num_processes > 1:
        start += ["-m", "torch.distributed.run", "--standalone"]
        start += [f"--nproc-per-node={num_processes}"]
    done = subprocess.run(
        [*start, str(MEMBER), str(tmp_path), dtype],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    verdicts = json.loads((tmp_path / f"{dtype}.json").read_text())
    assert set(verdicts) == set(NETWORKS)
    assert len(verdicts) >= 40
    for name, verdict in verdicts.items():
        if name in REFUSED:
            assert verdict.startswith("refused: "), (name, verdict)
            assert REFUSED[name] in verdict
            assert "\n" not in verdict
        else:
            assert verdict == "right", (name, verdict)
