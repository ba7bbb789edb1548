"""Why is a machine on which nothing else runs slower for minutes?

    python -m benchmarks.latency.machine_states

Times in turn, for three minutes: MobileNetV2 on two threads and on one, the reference network of
the meter and a product of two matrices on two threads; and, with a few lines of C, how long a
memory cell takes from one core to the other and back. Where two virtual cores are moved to parts of
the processor that don't share a cache, that takes many times as long: the states of the machine are
told apart by it. Needs an idle machine of two cores and a C compiler. Writes
results/latency/machine_states.json.
"""

import ctypes
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torchvision import models
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from nas.evaluate.reference_network import reference_images, reference_network
from nas.meter.rounds import no_garbage_collection
from nas.runtimes import load_runtime

RESULT = result_file(__file__)
DURATION_S = 180.0
NUM_RUNS = 30
NUM_TRIPS = 20_000
APART = 6  # times the quickest round trip; up to 5 times, networks don't notice
PING_PONG = """
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
static _Atomic long cell __attribute__((aligned(128)));
static long trips;
static void on_core(int core) {
    cpu_set_t set; CPU_ZERO(&set); CPU_SET(core, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}
static void *answer(void *unused) {
    on_core(1);
    for (long i = 0; i < trips; i++) { while (cell != 2 * i + 1); cell = 2 * i + 2; }
    return unused;
}
static void *ask(void *seconds) {
    struct timespec before, after;
    on_core(0);
    clock_gettime(CLOCK_MONOTONIC, &before);
    for (long i = 0; i < trips; i++) { cell = 2 * i + 1; while (cell != 2 * i + 2); }
    clock_gettime(CLOCK_MONOTONIC, &after);
    *(double *)seconds = after.tv_sec - before.tv_sec + 1e-9 * (after.tv_nsec - before.tv_nsec);
    return 0;
}
double round_trip_s(long number) {
    pthread_t one, other; double seconds;
    trips = number; cell = 0;
    pthread_create(&one, 0, answer, 0); pthread_create(&other, 0, ask, &seconds);
    pthread_join(one, 0); pthread_join(other, 0);
    return seconds / number;
}
"""


def round_trip() -> Callable[[], float]:
    """Seconds that a memory cell takes from core 0 to core 1 and back."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "trip.c"), Path(folder, "trip.so")
        source.write_text(PING_PONG)
        subprocess.run(
            ["cc", "-O2", "-shared", "-fPIC", "-pthread", "-o", library, source], check=True
        )
        function = ctypes.CDLL(str(library)).round_trip_s
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_long]
    return lambda: float(function(NUM_TRIPS))


def median_s(run: Callable[[], object]) -> float:
    """Of `NUM_RUNS` runs in a row, after one that is not timed."""
    run()
    times = []
    for _ in range(NUM_RUNS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return median(times)


def timed() -> dict[str, Callable[[], float]]:
    """What is timed in turn, by name: functions that return seconds."""
    image = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    matrix = torch.full((384, 384), 1 / 384)
    two, one = (load_runtime("onnxruntime", num_threads=number) for number in (2, 1))
    network = models.mobilenet_v2().eval()
    runs: dict[str, Callable[[], object]] = {
        "MobileNetV2, two threads": two.compile(network, image).run,
        "MobileNetV2, one thread": one.compile(network, image).run,
        "reference network, two threads": two.compile(reference_network(), reference_images()).run,
        "matrix product, two threads": lambda: torch.mm(matrix, matrix),
    }
    found = {name: (lambda run=run: median_s(run)) for name, run in runs.items()}
    return found | {"round trip between cores": round_trip()}


def states(columns: dict[str, list[float]]) -> dict[str, Any]:
    """Medians while the cores are together and while they are apart."""
    trips = columns["round trip between cores"]
    quickest = sorted(trips)[len(trips) // 20]
    apart = [trip > APART * quickest for trip in trips]
    found: dict[str, Any] = {"share_apart": sum(apart) / len(apart)}
    for name, values in columns.items():
        together = median(v for v, is_apart in zip(values, apart, strict=True) if not is_apart)
        others = [v for v, is_apart in zip(values, apart, strict=True) if is_apart]
        found[name] = {"together_s": together, "apart_s": median(others) if others else None}
        if others:
            found[name]["ratio"] = median(others) / together
    return found


def main() -> None:
    """Record, print the states and write all of it."""
    torch.set_num_threads(2)
    functions = timed()
    columns: dict[str, list[float]] = {name: [] for name in functions}
    start, times = time.perf_counter(), list[float]()
    with no_garbage_collection(), tqdm(total=round(DURATION_S), unit="s") as bar:
        while (now := time.perf_counter() - start) < DURATION_S:
            times.append(round(now, 3))
            bar.update(int(now) - bar.n)
            for name, function in functions.items():
                columns[name].append(float(f"{function():.4g}"))
    result: dict[str, Any] = {"environment": environment(), "states": states(columns)}
    print(json.dumps(result, indent=2))
    result["times_s"], result["columns_s"] = times, columns
    RESULT.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
