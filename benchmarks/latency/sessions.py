"""Does the interval of `repeated` hold for another session, and that of a steady latency?

    python -m benchmarks.latency.sessions

Three MobileNetV2 are measured in 20 sessions over an hour, in ONNX Runtime on one thread and on all
cores. Of every five sessions in a row, the interval for another session is computed as by
`nas.measure --conditions repeated`, and compared with the medians of the other fifteen, 95 % of
which must lie in it. Besides, the share of all pairs of sessions in which the steady intervals of a
network overlap, and the share of the pairs of five sessions without a session in common in which
the intervals of `repeated` overlap. Needs an idle machine and two hours. Writes
results/latency/sessions.json.
"""

import argparse
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.environment import environment
from benchmarks.latency.conditions import make_table
from benchmarks.result_file import result_file
from nas.conditions.bench import Bench
from nas.conditions.repeated import (
    NUM_SESSIONS,
    deviation_between,
    for_another_session,
    sessions,
)
from nas.evaluate.reference_network import reference_workload
from nas.meter.latency import Latency, Measurement
from nas.progress_bar import share_bar
from nas.runtimes import load_runtime
from nas.threads import threads_to_use
from planner import check_artifact

RESULT = result_file(__file__)
NUM_REPEATS = 20
MAX_S = 20.0
GAP_S = 170.0


def measure(folder: Path, num_threads: int) -> list[Measurement]:
    """The sessions of one number of threads."""
    runtime = load_runtime("onnxruntime", num_threads=num_threads)
    bench = Bench(
        networks=(),
        files=[check_artifact(entry, folder) for entry in make_table(folder)],
        runtime=runtime.name,
        num_threads=num_threads,
        reference=reference_workload(runtime),
        rng=Random(0),
        max_s=MAX_S,
        minutes=1,
        num_busy_processes=1,
    )
    with share_bar(f"{num_threads} threads") as show:
        return sessions(bench, show, num_sessions=NUM_REPEATS, gap_s=GAP_S)


def overlap(one: Latency, other: Latency) -> bool:
    """Whether the intervals of two medians have a value in common."""
    return one.p50_low_ms <= other.p50_high_ms and other.p50_low_ms <= one.p50_high_ms


def judged(found: Sequence[Measurement]) -> dict[str, Any]:
    """How often each kind of interval holds, and the largest change between two sessions."""
    windows = {
        start: for_another_session(five, deviation_between(five))
        for start in range(len(found) - NUM_SESSIONS + 1)
        if (five := found[start : start + NUM_SESSIONS])
    }
    apart = [
        pair for pair in itertools.combinations(windows, 2) if pair[1] - pair[0] >= NUM_SESSIONS
    ]
    pairs = list(itertools.combinations(found, 2))
    return {
        "num_sessions": len(found),
        "p50_ms": [[latency.p50_ms for latency in session.latencies] for session in found],
        "largest_change": max(
            abs(one.p50_ms / other.p50_ms - 1) for pair in pairs for one, other in _of(pair)
        ),
        "share_of_steady_pairs_that_overlap": fmean(
            overlap(*each) for pair in pairs for each in _of(pair)
        ),
        "share_of_medians_in_the_interval_of_repeated": fmean(
            latency.p50_low_ms <= median.p50_ms <= latency.p50_high_ms
            for start, latencies in windows.items()
            for number, session in enumerate(found)
            if not start <= number < start + NUM_SESSIONS
            for latency, median in zip(latencies, session.latencies, strict=True)
        ),
        "share_of_repeated_pairs_that_overlap": fmean(
            overlap(*each)
            for one, other in apart
            for each in zip(windows[one], windows[other], strict=True)
        ),
    }


def _of(pair: tuple[Measurement, Measurement]) -> Iterator[tuple[Latency, Latency]]:
    """The latencies of each network in two sessions."""
    return zip(pair[0].latencies, pair[1].latencies, strict=True)


def main() -> None:
    """Measure, print and write the result."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    result: dict[str, Any] = {"environment": environment()}
    for num_threads in sorted({1, threads_to_use(None)}):
        with TemporaryDirectory() as folder:
            result[f"{num_threads} threads"] = judged(measure(Path(folder), num_threads))
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
