"""The condition `first_call`: the first inference of a process that has just started.

Each sample is a process of its own, which loads one network and runs it once. Its steps are told
apart: `load` reads the file (from the system's file cache), `prepare` makes the runtime's session,
with all that the runtime optimises, `run` is the first inference. Starting Python and importing the
runtime's package are no part of it; a program in another language has neither.

Standard library only, because the kit packs this file.
"""

import json
import subprocess
import sys
from pathlib import Path

from nas.conditions import onnx_file
from nas.conditions.bench import Bench, Progress, UnderCondition
from nas.conditions.turns import turns
from nas.errors import NasError
from nas.meter.latency import latency_of
from nas.meter.statistics import median

NUM_PROCESSES = 20
STEPS = ("load", "prepare", "run")


def first_call(
    bench: Bench, progress: Progress, *, num_processes: int = NUM_PROCESSES
) -> UnderCondition:
    """Time the first call of `num_processes` processes for each file, in turns.

    Returns `first_call`, the sum of the steps, and `first_call_load`, `first_call_prepare` and
    `first_call_run`. Raises NasError if a process fails.
    """
    found: list[list[dict[str, float]]] = [[] for _ in bench.files]
    for index in turns(range(len(found)), num_processes, bench.rng, progress):
        found[index].append(_steps_s(bench.files[index], bench))
    latencies = {
        "first_call": tuple(
            latency_of([sum(each[step] for step in STEPS)] for each in of_file) for of_file in found
        )
    } | {
        f"first_call_{step}": tuple(
            latency_of([each[step]] for each in of_file) for of_file in found
        )
        for step in STEPS
    }
    import_ms = 1e3 * median([each["import"] for of_file in found for each in of_file])
    return UnderCondition(latencies, {"num_processes": num_processes, "import_ms": import_ms})


def _steps_s(file: Path, bench: Bench) -> dict[str, float]:
    """Seconds of each step in a fresh process."""
    # -P: other files of this folder might have the names of packages.
    command = [sys.executable, "-P", str(onnx_file.__file__)]
    command += [bench.runtime, str(file), str(bench.num_threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        if done.returncode:
            raise ValueError(done.stderr.strip().rpartition("\n")[2] or f"exit {done.returncode}")
        steps: dict[str, float] = json.loads(done.stdout)
    except ValueError as error:
        raise NasError(
            f"a fresh process must load and run {file}, but failed: {error}; try it manually: "
            + " ".join(command)
        ) from error
    return steps
