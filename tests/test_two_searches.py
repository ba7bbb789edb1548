"""Two searches begin at the same instant in one folder without a supernet: one trains, both search.

Real processes; only the embedded example is trained for less time.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from planner import LookupTable, read_candidates

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 240.0
SEARCH = """
import sys
from dataclasses import replace
import nas.search.__main__ as command
from supernet import Hyperparameters, SearchSpace, TrainingJob
job = TrainingJob(
    model_options={"depth": 10, "widen": 1, "stem_stride": 2},
    space=SearchSpace(resolutions=(12, 8)),
    hyperparameters=Hyperparameters(batch_size=500),
    epochs=2,
)
command.TrainingJob = lambda: job
job_from = command.job_from
command.job_from = lambda args: replace(job_from(args), trial_s=0.05, front_s=0.5)
print("ready", flush=True)
sys.stdin.readline()
sys.exit(command.main(sys.argv[1:]))
"""


def start(out: Path) -> subprocess.Popen[str]:
    options = ["--trials", "6", "--num-threads", "1", "--allow-noisy", "--device", "cpu"]
    return subprocess.Popen(
        [sys.executable, "-c", SEARCH, "--out", str(out), *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_the_second_waits_for_the_training_of_the_first_and_joins_its_search(
    tmp_path: Path,
) -> None:
    searches = [start(tmp_path / "run") for _ in range(2)]
    for each in searches:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in searches:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    outputs = [each.communicate(timeout=TIMEOUT_S) for each in searches]
    assert [each.returncode for each in searches] == [0, 0], outputs
    waiting = [
        line for _, err in outputs for line in err.splitlines() if "waiting until it ends" in line
    ]
    assert len(waiting) == 1
    (trainer,) = [each for each in searches if waiting[0].startswith(f"process {each.pid} on ")]
    assert trainer in searches
    assert len(read_candidates(tmp_path / "run" / "search" / "candidates.csv")) == 6
    assert len(LookupTable.read(tmp_path / "run" / "search" / "lookup_table.json")) >= 1
