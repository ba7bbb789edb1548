"""CPU time of the plans for a fleet, and how many are proved best.

    python -m benchmarks.planner.plans

The tables are made by a seeded generator: entries about a front, each device with an order of its
own (latencies 0.7 to 1.3 times as long). Writes results/planner/plans.json.
"""

import argparse
import json
import math
import random
import statistics
import time
from dataclasses import replace
from typing import Any

from benchmarks.environment import environment
from benchmarks.result_file import RESULTS, result_file
from planner import Entry, LookupTable, make_plans
from planner.atomic import write_atomically

RESULT = result_file(__file__)
FLEETS = ((64, 4), (200, 5))
"""(entries, devices)."""
NUM_PLANS, NUM_SEEDS = 12, 3


def make_fleet(table: LookupTable, num_entries: int, num_devices: int, seed: int) -> list[Any]:
    """Tables of the same entries on several devices."""
    rng = random.Random(seed)
    rows = []
    for index in range(num_entries):
        size = 10 ** rng.uniform(-1, 1)
        top1 = 0.9 - 0.4 * math.exp(-0.6 * (math.log(size) + 2.5)) + rng.gauss(0, 0.004)
        rows.append((f"w{index}-r28", size, top1))
    return [
        _device(table, rows, number, random.Random(100 * seed + number))
        for number in range(num_devices)
    ]


def _device(
    table: LookupTable, rows: list[tuple[str, float, float]], number: int, rng: random.Random
) -> LookupTable:
    real = table.entries[0]
    made = [_entry(real, name, size * rng.uniform(0.7, 1.3), top1) for name, size, top1 in rows]
    return replace(
        table,
        target=replace(table.target, device=f"device {number + 1}"),
        entries=tuple(sorted(made, key=lambda entry: (entry.latency.p50_ms, entry.accuracy.top1))),
    )


def _entry(real: Entry, name: str, latency: float, top1: float) -> Entry:
    return real.with_values(
        config_id=name,
        top1=top1,
        top1_low=top1 - 0.01,
        top1_high=top1 + 0.01,
        latency_p50_ms=latency,
        latency_p90_ms=latency * 1.1,
        latency_p99_ms=latency * 1.4,
        latency_p50_low_ms=latency * 0.99,
        latency_p50_high_ms=latency * 1.01,
        tied_with=(),
        artifact=None,
    )


def measure(table: LookupTable, num_entries: int, num_devices: int) -> dict[str, Any]:
    """Plan several fleets of this size."""
    seconds, plans = [], []
    for seed in range(NUM_SEEDS):
        tables = make_fleet(table, num_entries, num_devices, seed)
        start = time.process_time()
        plans.append(make_plans(tables, NUM_PLANS))
        seconds.append(time.process_time() - start)
    gaps = [100 * (plan.regret - plan.regret_bound) for each in plans for plan in each]
    return {
        "num_entries": num_entries,
        "num_devices": num_devices,
        "num_plans": NUM_PLANS,
        "cpu_s": {"median": round(statistics.median(seconds), 3), "most": round(max(seconds), 3)},
        "num_proved": sum(plan.exact for each in plans for plan in each),
        "num_all": len(gaps),
        "gap_points": {"median": round(statistics.median(gaps), 4), "most": round(max(gaps), 4)},
    }


def main() -> None:
    """Measure, print and write."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    table = LookupTable.read(RESULTS / "search" / "make_search_table.json")
    fleets = [measure(table, *fleet) for fleet in FLEETS]
    result = {"fleets": fleets, "environment": environment()}
    write_atomically(RESULT, json.dumps(result, indent=1).encode("ascii") + b"\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
