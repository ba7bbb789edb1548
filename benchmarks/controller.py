"""The controller against an oracle on 20 load traces.

The oracle knows the lasting load of every batch before it runs, but not that batch's jitter: it
runs the most accurate entry whose median under that load keeps the target, else the fastest.

    python -m benchmarks.controller benchmarks/make_search_table.json --out RESULT.json
"""

import argparse
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.environment import environment
from benchmarks.load_traces import Trace, recorded, synthetic
from planner import Entry, Selector, read_tables
from planner.atomic import write_atomically
from planner.controller import Controller

RECORDED = Path(__file__).parents[1] / "tests" / "planner" / "traces.json"
SYNTHETIC = ("constant", "steps", "ramp", "day", "bursts", "walk")


@dataclass(frozen=True)
class Outcome:
    """What following one trace came to."""

    over_budget: float
    """Fraction of batches slower than the target."""
    top1: float
    """Mean top1 of the entries that ran."""
    num_switches: int


def all_traces() -> list[Trace]:
    """Six recorded and fourteen synthetic."""
    made = [synthetic(name, seed) for seed in range(3) for name in SYNTHETIC]
    return recorded(RECORDED) + made[:14]


def follow(
    trace: Trace,
    entry_at: Callable[[int], Entry],
    target_ms: float,
    observe: Callable[[float], object],
) -> Outcome:
    """Run the entries that `entry_at` names; each batch takes its entry's median times the load."""
    ran: list[Entry] = []
    num_over = 0
    for step, load in enumerate(trace.seen):
        ran.append(entry_at(step))
        latency_ms = ran[-1].latency_p50_ms * load
        num_over += latency_ms > target_ms
        observe(latency_ms)
    return Outcome(
        over_budget=num_over / len(ran),
        top1=sum(entry.top1 for entry in ran) / len(ran),
        num_switches=sum(a is not b for a, b in pairwise(ran)),
    )


def with_controller(trace: Trace, entries: Sequence[Entry], target_ms: float) -> Outcome:
    """What the controller makes of a trace."""
    controller = Controller(entries, target_ms)
    return follow(trace, lambda step: controller.entry, target_ms, controller.observe)


def with_oracle(trace: Trace, entries: Sequence[Entry], target_ms: float) -> Outcome:
    """What knowing every batch's lasting load makes of it."""
    selector = Selector(entries)
    fastest = selector.latencies_ms[0]

    def entry_at(step: int) -> Entry:
        return selector.select(max(fastest, target_ms / trace.level[step]))

    return follow(trace, entry_at, target_ms, lambda latency_ms: None)


def default_target_ms(entries: Sequence[Entry]) -> float:
    """Twice what splits the front's latencies evenly on a log scale: idle, most entries fit."""
    front = Selector(entries).latencies_ms
    return 2 * math.sqrt(front[0] * front[-1])


def _mean(outcomes: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {
        name: sum(outcome[name] for outcome in outcomes) / len(outcomes)
        for name in ("over_budget", "top1", "num_switches")
    }


def main() -> None:
    """Follow every trace with the table's entries and write both outcomes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("table", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    entries = read_tables(arguments.table)[0].entries
    target_ms = default_target_ms(entries)
    rows: list[dict[str, Any]] = [
        {
            "trace": trace.name,
            "num_batches": len(trace.seen),
            "controller": asdict(with_controller(trace, entries, target_ms)),
            "oracle": asdict(with_oracle(trace, entries, target_ms)),
        }
        for trace in all_traces()
    ]
    result = {
        "environment": environment(),
        "num_entries": len(entries),
        "target_ms": target_ms,
        "mean": {who: _mean([row[who] for row in rows]) for who in ("controller", "oracle")},
        "traces": rows,
    }
    write_atomically(arguments.out, json.dumps(result, indent=1).encode("ascii") + b"\n")


if __name__ == "__main__":
    main()
