"""AdaptiveSession on a folder that `nas.export` wrote: memory and time to switch.

Two fresh processes run every entry in turn, once the largest alone and once all: what they hold
beyond a process that has run the smallest is compared. RSS and PSS are read from Linux's
smaps_rollup after each batch; the highest counts. A switch is timed between held entries, and
until the first batch of one that had to be loaded.

    python -m benchmarks.planner.session ARTIFACTS

Writes results/planner/session.json.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from planner.atomic import write_atomically

RESULT = result_file(__file__)

MEASURE = """
import gc, json, sys, time
from pathlib import Path
import numpy as np
from planner import AdaptiveSession, LookupTable

def held():
    gc.collect()
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return sizes["Rss"], sizes["Pss"]

folder, which = Path(sys.argv[1]), sys.argv[2]
table = LookupTable.read(folder / "lookup_table.json")
batch = table.target.batch_size
entries = sorted(table, key=lambda entry: entry.artifact.size_bytes)
image = lambda side: np.ones((batch, side, side, 3), np.uint8)
first = AdaptiveSession(table, folder, target_ms=1e9, config_ids=[entries[0].config_id])
first.run(image)
before = held()
wanted = entries[-1:] if which == "largest" else list(table)
names = [entry.config_id for entry in wanted]
session = AdaptiveSession(table, folder, target_ms=1e9, config_ids=names)
peak, loads = [0, 0], []
for entry in wanted * 3:
    start = time.perf_counter()
    was_held = entry.config_id in session.held
    session.switch(entry.config_id)
    session.wait()
    session.run(image)
    if not was_held:
        loads.append((time.perf_counter() - start) * 1e3)
    peak = [max(a, b - c) for a, b, c in zip(peak, held(), before)]
switches = []
for index in range(1000):
    session.wait()
    name = session.held[index % len(session.held)]
    start = time.perf_counter()
    session.switch(name)
    switches.append((time.perf_counter() - start) * 1e3)
    assert session.entry.config_id == name
print(json.dumps({"rss_bytes": peak[0], "pss_bytes": peak[1], "switch_ms": switches,
    "load_ms": loads, "num_held": len(session.held), "num_entries": len(wanted),
    "largest_bytes": entries[-1].artifact.size_bytes,
    "all_bytes": sum(entry.artifact.size_bytes for entry in entries)}))
"""


def measure(folder: Path, which: str) -> dict[str, Any]:
    """What a fresh process holds and takes with the largest entry, or with all."""
    command = [sys.executable, "-c", MEASURE, str(folder), which]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result: dict[str, Any] = json.loads(printed)
    switches, loads = result.pop("switch_ms"), result.pop("load_ms")
    result["switch_ms"] = {"median": statistics.median(switches), "most": max(switches)}
    if loads:
        result["load_and_run_ms"] = {"median": statistics.median(loads), "most": max(loads)}
    return result


def main() -> None:
    """Measure both and write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("artifacts", type=Path)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    start = time.perf_counter()
    largest, every = (measure(arguments.artifacts, which) for which in ("largest", "all"))
    result = {
        "environment": environment(),
        "largest_alone": largest,
        "all_entries": every,
        "rss_ratio": every["rss_bytes"] / largest["rss_bytes"],
        "pss_ratio": every["pss_bytes"] / largest["pss_bytes"],
        "took_s": time.perf_counter() - start,
    }
    write_atomically(arguments.out, json.dumps(result, indent=1).encode("ascii") + b"\n")


if __name__ == "__main__":
    main()
