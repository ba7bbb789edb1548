"""The controller at a service level, on the load traces: how many batches are late.

Beside it are the fastest entry alone, which is late where nothing helps, and the controller without
a service level. The traces and tables are those of `controller.py`.

    python -m benchmarks.planner.service_level

Writes results/planner/service_level.json.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.environment import environment
from benchmarks.planner.controller import TABLE, mean
from benchmarks.planner.follow_traces import default_target_ms, follow
from benchmarks.planner.load_traces import Trace, development, held_out
from benchmarks.result_file import result_file
from planner import Controller, Entry, read_tables
from planner.atomic import write_atomically

RESULT = result_file(__file__)
LEVELS = (None, 0.9, 0.95, 0.99)


def judge(
    traces: Sequence[Trace], entries: Sequence[Entry], service_level: float | None
) -> dict[str, Any]:
    """Mean outcome over the traces, and on how many the level was kept."""
    target_ms = default_target_ms(entries)
    outcomes, num_kept, worst = [], 0, 0.0
    for trace in traces:
        controller = Controller(entries, target_ms, service_level=service_level)
        outcome = follow(trace, controller, target_ms)
        fastest = follow(trace, Controller(entries[:1], target_ms), target_ms)
        avoidable = max(0.0, outcome.over_budget - fastest.over_budget)
        outcomes.append(outcome)
        worst = max(worst, avoidable)
        num_kept += service_level is not None and avoidable <= 1 - service_level
    return mean(outcomes) | {"num_kept": num_kept, "worst_avoidable_late_share": worst}


def main() -> None:
    """Follow every trace at every level and write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("table", type=Path, nargs="?", default=TABLE)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    entries = read_tables(arguments.table)[0].entries
    sets = {"held_out": held_out(), "development": development()}
    target_ms = default_target_ms(entries)
    result = {
        "environment": environment(),
        "num_entries": len(entries),
        "target_ms": target_ms,
        "num_traces": {kind: len(traces) for kind, traces in sets.items()},
        "fastest_entry": {
            kind: mean(
                [follow(trace, Controller(entries[:1], target_ms), target_ms) for trace in traces]
            )
            for kind, traces in sets.items()
        },
        "service_levels": {
            str(level): {kind: judge(traces, entries, level) for kind, traces in sets.items()}
            for level in LEVELS
        },
    }
    write_atomically(arguments.out, json.dumps(result, indent=1).encode("ascii") + b"\n")


if __name__ == "__main__":
    main()
