"""`make search` from nothing, and once more: how long, how accurate, how wide a front.

    python -m benchmarks.search.make_search

Run it on an idle machine, after installation (`make .venv/installed`). Times the two commands as
whole processes, scores the four corners of the space on `report`, keeps the lookup table and the
picture that the README shows. Writes results/search/make_search.json, make_search_table.json
beside it and docs/front.png (for which it needs Chromium, from BROWSER_PATH or /usr/bin/chromium).
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from nas.report.figures import grid_figure
from planner import LookupTable, read_candidates
from supernet import load_data, load_supernet
from supernet.evaluate.accuracy import Images, accuracy, calibrated_subnet

ROOT = Path(__file__).parents[2]
RESULT = result_file(__file__)


def timed_make_search(run: Path) -> float:
    """Seconds that `make search` takes."""
    start = time.perf_counter()
    subprocess.run(["make", "search", f"RUN={run}"], cwd=ROOT, check=True)
    return round(time.perf_counter() - start, 1)


def corners(run: Path) -> dict[str, Any]:
    """top1 of the largest and smallest widths and resolutions, on `report`."""
    supernet, document = load_supernet(run)
    job, space = document["job"], supernet.space
    data = load_data(job["data"], resolution=space.resolutions[0], seed=job["seed"])
    images = Images(data, torch.device("cpu"))
    found = {}
    for width in (1.0, space.narrowest):
        for resolution in (space.resolutions[0], space.resolutions[-1]):
            config = space.uniform(width, resolution)
            network = calibrated_subnet(supernet, config, images)
            right = accuracy(network, images.batches("report", resolution))
            low, high = (round(bound, 4) for bound in right.interval)
            found[config.config_id] = {
                "top1": right.top1,
                "low": low,
                "high": high,
                "num_images": right.num_images,
            }
    return found


def main() -> None:
    """Run both, write the results."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        first_s, second_s = timed_make_search(run), timed_make_search(run)
        table = LookupTable.read(run / "search" / "lookup_table.json")
        candidates = read_candidates(run / "search" / "candidates.csv")
        top1_report = corners(run)
        shutil.copy(
            run / "search" / "lookup_table.json", RESULT.with_name("make_search_table.json")
        )
    entries = list(table)
    result = {
        "first_s": first_s,
        "second_s": second_s,
        "top1_report": top1_report,
        "num_candidates": len(candidates),
        "num_entries": len(entries),
        "num_own_entries": sum(entry.origin == "search" for entry in entries),
        "points_lost_from_selection_to_report": round(
            100 * fmean(entry.top1_selection - entry.accuracy.top1 for entry in entries), 2
        ),
        "gains": table.provenance["gains"],
        "steps": table.provenance["steps"],
        "latency_span": round(entries[-1].latency.p50_ms / entries[0].latency.p50_ms, 2),
        "noise_floor": table.protocol["noise_floor"],
        "environment": environment(),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    os.environ.setdefault("BROWSER_PATH", "/usr/bin/chromium")
    figure = grid_figure(table)
    figure.write_image(ROOT / "docs" / "front.png", width=1000, height=560, scale=1.5)


if __name__ == "__main__":
    main()
