"""How often `planner diff` calls a regression: where there is one, and where there is none.

Tables of 12 configs, each latency with the noise that its 95 % interval of 2 % each way says; 1,000
pairs of tables for each case. A pair has no regression if only the noise differs (drawn anew, or
shuffled among the configs), if it was measured in two sessions that differ by a common factor, or
if each latency jitters by 0.5 %, far beyond its interval. It has one if all latencies, or a single
one, are higher.

    python -m benchmarks.planner.diff_gate

Writes results/planner/diff_gate.json.
"""

import argparse
import json
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from planner import Diff, Entry, LookupTable, Target
from planner.atomic import write_atomically
from planner.common_change import Z95
from planner.diff import SESSION_SPREAD

RESULT = result_file(__file__)
NUM_CONFIGS = 12
NUM_PAIRS = 1000


@dataclass(frozen=True, kw_only=True)
class Case:
    """How the new table of a pair comes about."""

    slowdown: float = 1.0
    """What the true latencies are multiplied by."""
    num_slower: int = NUM_CONFIGS
    """How many of them."""
    session: Callable[[random.Random], float] = lambda _: 0.0
    """The common change of the new session, as a fraction."""
    half_interval: float = 0.02
    """Half of each latency's 95 % interval, as a fraction."""
    noise: float | None = None
    """Standard deviation of the noise; None for that of the interval."""
    is_shuffled: bool = False
    """Whether the new noise is the old one in another order."""


CASES = {
    "noise drawn anew": Case(),
    "noise shuffled": Case(is_shuffled=True),
    "jitter of 0.5 %, intervals of 0.1 %": Case(half_interval=0.001, noise=0.005),
    "session 2.5 % slower": Case(session=lambda _: 0.025),
    "session up to 2.5 % off": Case(session=lambda generator: generator.uniform(-0.025, 0.025)),
    "all 5 % slower": Case(slowdown=1.05),
    "all 5 % slower, session up to 1 % off": Case(
        slowdown=1.05, session=lambda generator: generator.uniform(-0.01, 0.01)
    ),
    "all 30 % slower, intervals of 20 %": Case(slowdown=1.3, half_interval=0.2),
    "one of 12 is 10 % slower": Case(slowdown=1.1, num_slower=1),
}
NO_REGRESSION = tuple(CASES)[:5]


def make_table(
    noise: Sequence[float], half_interval: float, factors: Sequence[float]
) -> LookupTable:
    """A front on which latency rises by 40 % and top1 by a point from config to config."""
    entries = []
    for index, (error, factor) in enumerate(zip(noise, factors, strict=True)):
        p50 = 0.1 * 1.4**index * factor * math.exp(error)
        top1 = 0.8 + 0.01 * index
        entries.append(
            Entry.from_values(
                config_id=f"w{index + 1}-r28",
                origin="grid",
                width_mults=((index + 1) / NUM_CONFIGS,),
                resolution=28,
                top1=top1,
                top1_low=top1 - 0.004,
                top1_high=top1 + 0.004,
                top1_selection=top1,
                macs=1000 * (index + 1),
                num_params=100,
                latency_p50_ms=p50,
                latency_p90_ms=p50 * 1.1,
                latency_p99_ms=p50 * 1.3,
                latency_p50_low_ms=p50 / (1 + half_interval),
                latency_p50_high_ms=p50 * (1 + half_interval),
                num_samples=1000,
                kind="measured",
                peak_memory_bytes=None,
            )
        )
    entries.sort(key=lambda entry: (entry.latency.p50_ms, entry.accuracy.top1))
    return LookupTable(
        supernet={
            "model": "simulated",
            "data": "simulated",
            "weights_sha256": "00" * 32,
            "class_names": ["a", "b"],
            "normalisation": {"mean": [0.5], "std": [0.5]},
            "seed": 0,
            "recipe": {},
        },
        target=Target(
            device="simulated",
            runtime="onnxruntime",
            runtime_version="1",
            batch_size=1,
            dtype="float32",
            num_threads=1,
        ),
        protocol={"noise_floor": None, "num_rounds": 1, "num_samples": 1, "warmup": 1},
        splits={"train": 1, "calibration": 1, "selection": 1, "report": 1},
        provenance={"versions": {}, "command": "simulated", "created_utc": "2026-01-01T00:00:00Z"},
        entries=tuple(entries),
    )


def make_pair(case: Case, generator: random.Random) -> tuple[LookupTable, LookupTable]:
    """The old and the new table of one pair."""
    deviation = math.log1p(case.half_interval) / Z95 if case.noise is None else case.noise
    noise = [generator.gauss(0, deviation) for _ in range(NUM_CONFIGS)]
    old = make_table(noise, case.half_interval, [1.0] * NUM_CONFIGS)
    if case.is_shuffled:
        generator.shuffle(noise)
    else:
        noise = [generator.gauss(0, deviation) for _ in range(NUM_CONFIGS)]
    slower = set(generator.sample(range(NUM_CONFIGS), case.num_slower))
    session = 1 + case.session(generator)
    factors = [session * (case.slowdown if i in slower else 1.0) for i in range(NUM_CONFIGS)]
    return old, make_table(noise, case.half_interval, factors)


def count(case: Case, num_pairs: int, seed: int = 0) -> dict[str, int]:
    """Of `num_pairs`: how many the gate calls a regression, at all and by each of its tests."""
    generator = random.Random(seed)
    counts = {"any": 0, "common": 0, "latency": 0, "budget": 0, "accuracy": 0}
    for _ in range(num_pairs):
        kinds = {one.kind for one in Diff(*make_pair(case, generator)).regressions}
        counts["any"] += bool(kinds)
        for kind in kinds:
            counts[kind] += 1
    return counts


def main() -> None:
    """Count for every case and write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    start = time.process_time()
    cases = {name: count(case, NUM_PAIRS) for name, case in CASES.items()}
    result: dict[str, Any] = {
        "environment": environment(),
        "num_configs": NUM_CONFIGS,
        "num_pairs": NUM_PAIRS,
        "session_spread": SESSION_SPREAD,
        "num_called_regressions": cases,
        "took_cpu_s": time.process_time() - start,
    }
    write_atomically(arguments.out, json.dumps(result, indent=1).encode("ascii") + b"\n")


if __name__ == "__main__":
    main()
