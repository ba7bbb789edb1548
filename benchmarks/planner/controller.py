"""The controller against an oracle on 20 held-out load traces, and on the 20 it was tuned on.

`follow_traces.py` says what the oracle knows, `load_traces.py` how the two sets differ.

    python -m benchmarks.planner.controller

Without a table it takes results/planner/controller_table.json, which `make search` wrote when the
controller was tuned. Writes results/planner/controller.json; the committed one also has the three
designs that this controller was chosen against (docs/run_time.md).
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.environment import environment
from benchmarks.planner.follow_traces import (
    Outcome,
    compare,
    default_target_ms,
    with_prophet,
)
from benchmarks.planner.load_traces import Trace, development, held_out
from benchmarks.result_file import result_file
from planner import Controller, Entry, read_tables
from planner.atomic import write_atomically

RESULT = result_file(__file__)
TABLE = RESULT.with_name("controller_table.json")


def mean(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Of each number over all outcomes."""
    rows = [asdict(outcome) for outcome in outcomes]
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def judge(traces: Sequence[Trace], entries: Sequence[Entry]) -> dict[str, Any]:
    """The controller on one set of traces, pooled and each."""
    compared = compare(Controller, traces, entries)
    ours = mean([outcome for _, outcome, _ in compared])
    best = mean([oracle for _, _, oracle in compared])
    return {
        "num_traces": len(compared),
        "num_kept": sum(outcome.keeps(oracle) for _, outcome, oracle in compared),
        "over_budget_ratio": ours["over_budget"] / best["over_budget"],
        "top1_lost": best["top1"] - ours["top1"],
        "mean": {"design": ours, "oracle": best},
        "traces": [
            {
                "trace": trace.name,
                "num_batches": len(trace.seen),
                "kept": outcome.keeps(oracle),
                "design": asdict(outcome),
                "oracle": asdict(oracle),
            }
            for trace, outcome, oracle in compared
        ],
    }


def main() -> None:
    """Follow every trace with the table's entries and write all outcomes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("table", type=Path, nargs="?", default=TABLE)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    entries = read_tables(arguments.table)[0].entries
    target_ms = default_target_ms(entries)
    sets = {"held_out": held_out(), "development": development()}
    result = {
        "environment": environment(),
        "num_entries": len(entries),
        "target_ms": target_ms,
        "prophet": {
            kind: mean([with_prophet(trace, entries, target_ms) for trace in traces])
            for kind, traces in sets.items()
        },
        "designs": {"controller": {kind: judge(traces, entries) for kind, traces in sets.items()}},
    }
    write_atomically(arguments.out, json.dumps(result, indent=1).encode("ascii") + b"\n")


if __name__ == "__main__":
    main()
