"""AdaptiveSession through a simulated day under changing load, while its files are damaged.

One batch a second for 24 hours; every five minutes or so an artifact is deleted, truncated or
replaced by another network of the same size, or the disk takes a minute for a load; for an hour
all artifacts are gone. `simulated_service.py` says what is simulated: only time.

    python -m benchmarks.planner.day_of_switching

Writes results/planner/day_of_switching.json.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.environment import environment
from benchmarks.planner.follow_traces import default_target_ms
from benchmarks.planner.simulated_service import serve
from benchmarks.planner.tiny_networks import with_artifacts
from benchmarks.result_file import result_file
from planner import LookupTable, read_tables
from planner.atomic import write_atomically

RESULT = result_file(__file__)
TABLE = RESULT.with_name("controller_table.json")
DAY_S = 86_400.0


def simulated_table(folder: Path) -> LookupTable:
    """The controller's table, with a tiny network in `folder` for each entry."""
    (table,) = read_tables(TABLE)
    widths = [100 + 50 * index for index in range(len(table))]
    entries = [replace(entry, num_params=width) for entry, width in zip(table, widths, strict=True)]
    made = with_artifacts(entries, folder, widths)
    return replace(table, entries=made, target=replace(table.target, runtime="onnxruntime"))


def main() -> None:
    """Serve a day as the default controller does, and one at a service level; write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    start = time.process_time()
    days = {}
    for name, service_level in {"default": None, "99 %": 0.99}.items():
        with tempfile.TemporaryDirectory() as folder:
            table = simulated_table(Path(folder))
            days[name] = serve(
                table,
                Path(folder),
                target_ms=default_target_ms(table.entries),
                duration_s=DAY_S,
                period_s=1.0,
                fault_every_s=300.0,
                all_deleted_s=(DAY_S / 2, 3600.0),
                service_level=service_level,
            )
    result = {
        "environment": environment(),
        "num_entries": len(table),
        "target_ms": default_target_ms(table.entries),
        "days": {name: outcome.to_json() for name, outcome in days.items()},
        "took_cpu_s": time.process_time() - start,
    }
    write_atomically(arguments.out, json.dumps(result, indent=1).encode("ascii") + b"\n")


if __name__ == "__main__":
    main()
