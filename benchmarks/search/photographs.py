"""What a search of a network with photographs finds beside its uniform grid.

    python -m supernet.train --data FLOWERS --weights mobilenet_v2.pth --groups stage --out RUN
    python -m benchmarks.search.photographs search RUN [--trials 128]      (on an idle machine)
    python -m benchmarks.search.photographs page

`search`: a copy of RUN's supernet, which nothing has scored, is searched for ONNX Runtime on one
thread as `nas.search` does by default. Told: what it took, how many entries are its own, and what
they gain over the uniform grid, on `report`, which chose nothing. Runs with a width a stage and a
width a layer are kept side by side. `page`: puts both into docs/search.md. Writes
results/search/photographs.json.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.environment import environment
from benchmarks.page import DOCS, put_into_page
from benchmarks.result_file import result_file
from benchmarks.search.second_target import copied, timed_search
from nas.evaluate.trained import load_trained
from nas.report.gain_lines import gain_lines
from nas.search import SearchJob
from planner import LookupTable
from planner.atomic import write_atomically

RESULT = result_file(__file__)
SCRIPT = "benchmarks/search/photographs.py"


def searched(run: Path, job: SearchJob, folder: Path) -> dict[str, Any]:
    """One search of a copy of the run's supernet in `folder`, and what it found."""
    supernet = copied(run, folder)
    took, table = timed_search(supernet, job, supernet)
    trained = load_trained(run)
    return took | {
        "model": trained.document["job"]["model"],
        "num_widths": trained.supernet.space.num_groups,
        "resolutions": list(trained.supernet.space.resolutions),
        "num_own_entries": sum(entry.origin == "search" for entry in table),
        "latency_span": _latency_span(table),
        "splits": table.splits,
        "gains": table.provenance["gains"],
        "said": gain_lines(table),
        "noise_floor": table.protocol["noise_floor"],
        "entries": [
            {
                "config_id": entry.config_id,
                "latency_p50_ms": entry.latency.p50_ms,
                "top1": entry.accuracy.top1,
            }
            for entry in table
        ],
    }


def _latency_span(table: LookupTable) -> float:
    latencies = [entry.latency.p50_ms for entry in table]
    return round(max(latencies) / min(latencies), 2)


def lines(result: dict[str, Any]) -> list[str]:
    """A paragraph for each kind of widths."""
    said = []
    for groups, one in sorted(result.items(), reverse=True):
        said += [
            f"**{one['model']}, a width a {groups}** ({one['num_widths']} widths, "
            f"{len(one['resolutions'])} resolutions from {min(one['resolutions'])} to "
            f"{max(one['resolutions'])} px): {one['num_candidates']} candidates in "
            f"{one['seconds'] / 60:.1f} minutes; {one['num_own_entries']} of {one['num_entries']} "
            f"entries are the search's own, and span a factor of {one['latency_span']:.1f} in "
            f"latency; noise floor {one['noise_floor']:.1%}.",
            "",
            "```",
            *one["said"],
            "```",
            "",
        ]
    return said


def main() -> int:
    """Do the part that is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("search", "page"))
    parser.add_argument("run", type=Path, nargs="?", help="with a trained supernet")
    parser.add_argument("--trials", type=int, default=SearchJob().num_trials)
    args = parser.parse_args()
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    if args.part == "page":
        put_into_page(SCRIPT, lines(result), DOCS / "search.md")
        return 0
    if args.run is None:
        parser.error("RUN must be given to be searched")
    groups = load_trained(args.run).document["job"]["space"]["groups"]
    with tempfile.TemporaryDirectory() as folder:
        job = SearchJob(num_threads=1, num_trials=args.trials, allow_noisy=True)
        result[groups] = searched(args.run, job, Path(folder)) | {"environment": environment()}
    write_atomically(RESULT, (json.dumps(result, indent=1) + "\n").encode("ascii"))
    print("\n".join(lines(result)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
