"""How fast the planner is on a book of 100,000 candidates for 5 devices.

    python -m benchmarks.planner.speed

Writes results/planner/speed.json.
"""

import argparse
import json
import math
import random
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.environment import environment
from benchmarks.result_file import RESULTS, result_file
from planner import Book, Entry, LookupTable, Selector, Target, make_plans, read_tables
from planner.atomic import write_atomically

RESULT = result_file(__file__)
NUM_DEVICES = 5
NUM_EACH = 20_000
ROUNDS = 5


def make_entries(real: Entry, device: int) -> tuple[Entry, ...]:
    """20,000 candidates about a front: slower ones more accurate, with noise; the same names."""
    generator = random.Random(device)
    entries = []
    for index in range(NUM_EACH):
        latency = 0.5 * math.exp(3 * index / NUM_EACH + generator.gauss(0, 0.05))
        top1 = 0.9 - 0.3 * math.exp(-2 * index / NUM_EACH) + 0.01 * math.sin(index)
        entries.append(
            real.with_values(
                config_id=f"w{0.25 + 0.75 * index / NUM_EACH:.6g}-r{16 + 4 * (index % 4)}",
                top1=top1,
                top1_low=top1 - 0.02,
                top1_high=top1 + 0.02,
                latency_p50_ms=latency,
                latency_p90_ms=latency * 1.1,
                latency_p99_ms=latency * 1.4,
                latency_p50_low_ms=latency * 0.98,
                latency_p50_high_ms=latency * 1.02,
                tied_with=(),
                artifact=None,
            )
        )
    return tuple(sorted(entries, key=lambda entry: (entry.latency.p50_ms, entry.accuracy.top1)))


def make_book(table: LookupTable) -> Book:
    """A real table's head, five devices, made entries."""
    details: dict[str, Any] = {"runtime": "onnxruntime", "runtime_version": "1", "batch_size": 1}
    return Book(
        tuple(
            replace(
                table,
                target=Target(device=f"device {i}", dtype="float32", num_threads=1, **details),
                entries=make_entries(table.entries[0], i),
            )
            for i in range(NUM_DEVICES)
        )
    )


def measure(path: Path) -> dict[str, Any]:
    """Seconds to load, microseconds to select warm, seconds to plan."""
    loads = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        tables = read_tables(path)
        loads.append(time.perf_counter() - start)
    entries = [entry for table in tables for entry in table]
    start = time.perf_counter()
    selector = Selector(entries)
    prepare_s = time.perf_counter() - start
    budgets = [entry.latency.p50_ms for entry in entries[::20] if entry.latency.p50_ms > 0.6]
    calls = []
    for budget in budgets:
        start = time.perf_counter()
        selector.select(budget)
        calls.append((time.perf_counter() - start) * 1e6)
    start = time.perf_counter()
    plans = make_plans(tables, 4)
    return {
        "num_candidates": len(entries),
        "num_bytes": path.stat().st_size,
        "load_s": {"median": statistics.median(loads), "most": max(loads)},
        "prepare_selector_s": prepare_s,
        "select_us": {
            "median": statistics.median(calls),
            "p99": sorted(calls)[int(0.99 * len(calls))],
            "num": len(calls),
        },
        "plan_4_over_5_devices_s": time.perf_counter() - start,
        "plan_regret": [(plan.regret, plan.regret_bound) for plan in plans],
    }


def main() -> None:
    """Write the book, measure, write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=RESULT)
    out = parser.parse_args().out
    (table,) = read_tables(RESULTS / "search" / "make_search_table.json")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.json"
        make_book(table).write(path)
        result = {"environment": environment()} | measure(path)
    write_atomically(out, json.dumps(result, indent=1).encode("ascii") + b"\n")


if __name__ == "__main__":
    main()
