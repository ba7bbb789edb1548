"""What it wins to let the search choose between float32 and int8.

    python -m benchmarks.search.number_types search RUN --trials 128     (on an idle machine)
    python -m benchmarks.search.number_types page

`search`: for each of --runtimes, copies of the supernet of RUN are searched in float32 alone and in
float32 and int8, with as many candidates. All entries of both are then timed side by side, and the
int8 ones exported, for their agreement with the float subnets. The value of a front is its
hypervolume (top1 on `report`, which chose nothing, against log latency), beyond the worst entry of
both. Adds to results/search/number_types.json, by the model of RUN. `page`: puts a table for each
into docs/quantisation.md, and draws docs/number_types.png (with Chromium, as `make_search`).
"""

import argparse
import json
import math
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots

from benchmarks.environment import environment
from benchmarks.page import DOCS, put_into_page
from benchmarks.result_file import result_file
from benchmarks.search.second_target import copied, timed_search
from nas.conversions import subnet_config
from nas.evaluate.evaluator import Evaluator
from nas.evaluate.trained import load_trained
from nas.export import export
from nas.number_types import typed
from nas.runtimes import load_runtime
from nas.search import SearchJob
from planner import Entry, LookupTable, hypervolume
from planner.atomic import write_atomically
from supernet.evaluate.accuracy import Images

RESULT = result_file(__file__)
SCRIPT = "benchmarks/search/number_types.py"
PAGE = DOCS / "quantisation.md"
FIGURE = PAGE.with_name("number_types.png")
RUNTIMES = ("onnxruntime", "openvino")
WAYS = {"float32 alone": ("float32",), "float32 and int8": ("float32", "int8")}
STYLES = {"float32 alone": ("#999999", "dot"), "float32 and int8": ("#0072B2", "solid")}
SHAPES = {"float32": "circle", "int8": "triangle-up"}
FINAL_S = 60.0
MAX_ROWS = 12


def compare(run: Path, job: SearchJob, folder: Path) -> dict[str, Any]:
    """Both searches in the job's runtime; `folder` gets their runs."""
    searches, tables = dict[str, Any](), dict[str, LookupTable]()
    for way, dtypes in WAYS.items():
        supernet = copied(run, folder / way.replace(" ", "-"))
        found, tables[way] = timed_search(supernet, replace(job, dtypes=dtypes), supernet)
        searches[way] = {"seconds": found["seconds"], "num_candidates": found["num_candidates"]}
    latencies, protocol = timed_together(run, job, tables)
    agreements = agreements_of(run, tables["float32 and int8"], folder / "files")
    for way, table in tables.items():
        searches[way]["entries"] = [
            {**_told(entry), **latencies[entry.config_id], **agreements.get(entry.config_id, {})}
            for entry in table
        ]
    return {"searches": searches, "hypervolume": volumes(searches), "protocol": protocol}


def timed_together(
    run: Path, job: SearchJob, tables: dict[str, LookupTable]
) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """The median latency of all entries, with its interval, by config_id; and how it was timed."""
    trained = load_trained(run)
    runtime = load_runtime(job.runtime, num_threads=job.num_threads, dtype="float32+int8")
    images = Images(trained.data, torch.device("cpu"))
    evaluator = Evaluator(trained.supernet, images, runtime, batch_size=job.batch_size, seed=0)
    configs = {
        entry.config_id: typed(subnet_config(entry), entry.config.dtype or "float32")
        for table in tables.values()
        for entry in table
    }
    networks = [evaluator.compile_to_time(config) for config in configs.values()]
    found = evaluator.measure(networks, max_s=min(FINAL_S, 3 * job.front_s), allow_noisy=True)
    return {
        name: {"ms": each.p50_ms, "low_ms": each.p50_low_ms, "high_ms": each.p50_high_ms}
        for name, each in zip(configs, found.latencies, strict=True)
    }, found.protocol()


def agreements_of(run: Path, table: LookupTable, folder: Path) -> dict[str, dict[str, Any]]:
    """By config_id: how the int8 files compare with their float subnets on `report`."""
    trained = load_trained(run)
    in_int8 = tuple(entry for entry in table if entry.config.dtype == "int8")
    part = replace(table, entries=tuple(replace(entry, tied_with=()) for entry in in_int8))
    return {
        entry.config_id: {
            "agreement": entry.artifact.agreement,
            "top1_difference": entry.artifact.top1_difference,
        }
        for entry in export(part, trained.supernet, trained.data, folder)
        if entry.artifact
    }


def volumes(searches: dict[str, Any]) -> dict[str, float]:
    """The hypervolume of each search's entries."""
    points = {
        way: [(each["top1"], math.log(each["ms"])) for each in one["entries"]]
        for way, one in searches.items()
    }
    every = [point for some in points.values() for point in some]
    worst = min(top1 for top1, _ in every), max(cost for _, cost in every)
    return {way: hypervolume(some, worst) for way, some in points.items()}


def _told(entry: Entry) -> dict[str, Any]:
    return {
        "config_id": entry.config_id,
        "dtype": entry.config.dtype or "float32",
        "top1": entry.accuracy.top1,
        "top1_low": entry.accuracy.top1_low,
        "top1_high": entry.accuracy.top1_high,
    }


def lines(result: dict[str, Any]) -> list[str]:
    """The page's lines of Markdown."""
    said = ["![fronts in float32 alone and in float32 and int8](number_types.png)", ""]
    for model, by_runtime in result.items():
        for runtime, one in by_runtime.items():
            both, alone = (one["searches"][way] for way in ("float32 and int8", "float32 alone"))
            num = sum(each["dtype"] == "int8" for each in both["entries"])
            ratio = one["hypervolume"]["float32 and int8"] / one["hypervolume"]["float32 alone"]
            said += [
                f"{model}, {runtime}, {both['num_candidates']} candidates: {num} of "
                f"{len(both['entries'])} entries in int8; hypervolume {ratio:.2f} times that of "
                f"float32 alone ({len(alone['entries'])} entries); the search took "
                f"{both['seconds']:.0f} s, in float32 alone {alone['seconds']:.0f} s. Noise floor "
                f"{one['protocol']['noise_floor']:.1%}, and the machine "
                f"{one['protocol']['slowdown']:.0%} slower than at its best.",
                "",
                "| entry | p50 ms (95 %) | top-1 % (95 %) | agreement % | top-1 less float's |",
                "|---|---|---|---|---|",
            ]
            said += [*map(_row, _some(both["entries"])), ""]
    return said


def _some(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most MAX_ROWS entries, from fast to slow, evenly spread; the result file has all."""
    ordered = sorted(entries, key=lambda each: float(each["ms"]))
    places = np.linspace(0, len(ordered) - 1, min(MAX_ROWS, len(ordered))).astype(int)
    return [ordered[place] for place in places]


def _row(each: dict[str, Any]) -> str:
    top1, low, high = (100 * each[name] for name in ("top1", "top1_low", "top1_high"))
    against = "| | |"
    if "agreement" in each:
        against = f"| {100 * each['agreement']:.1f} | {100 * each['top1_difference']:+.2f} |"
    return (
        f"| `{each['config_id']}` | {each['ms']:.3g} ({each['low_ms']:.3g} to "
        f"{each['high_ms']:.3g}) | {top1:.1f} ({low:.1f} to {high:.1f}) {against}"
    )


def figure(result: dict[str, Any]) -> go.Figure:
    """Both fronts of each model in each runtime; number types differ in shape."""
    places = [(model, runtime) for model, found in result.items() for runtime in found]
    drawn = make_subplots(
        rows=len(result), cols=len(RUNTIMES), subplot_titles=[", ".join(each) for each in places]
    )
    for number, (model, runtime) in enumerate(places):
        row, column = divmod(number, len(RUNTIMES))
        for way, one in result[model][runtime]["searches"].items():
            colour, dash = STYLES[way]
            entries = sorted(one["entries"], key=lambda each: float(each["ms"]))
            drawn.add_scatter(
                x=[each["ms"] for each in entries],
                y=[100 * each["top1"] for each in entries],
                mode="lines+markers",
                name=way,
                showlegend=number == 0,
                line={"color": colour, "dash": dash},
                marker={"size": 9, "symbol": [SHAPES[each["dtype"]] for each in entries]},
                row=row + 1,
                col=column + 1,
            )
    for dtype, shape in SHAPES.items():
        marker = {"symbol": shape, "color": "#000000", "size": 9}
        drawn.add_scatter(x=[None], y=[None], mode="markers", name=dtype, marker=marker)
    drawn.update_layout(template="plotly_white", font_size=14, legend={"orientation": "h"})
    drawn.update_xaxes(type="log", title="latency p50 (ms)", dtick="D2")
    return drawn.update_yaxes(title="top-1 (%)")


def main() -> int:
    """Run one part, write its result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("search", "page"))
    parser.add_argument("run", type=Path, nargs="?", help="with a trained supernet")
    parser.add_argument("--trials", type=int, default=128)
    parser.add_argument("--runtimes", nargs="+", choices=RUNTIMES, default=list(RUNTIMES))
    args = parser.parse_args()
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    if args.part == "page":
        put_into_page(SCRIPT, lines(result), PAGE)
        figure(result).write_image(FIGURE, width=1100, height=80 + 400 * len(result), scale=1.4)
        return 0
    if args.run is None:
        parser.error("RUN must be given to be searched")
    model = load_trained(args.run).document["job"]["model"]
    for runtime in args.runtimes:
        # All are timed side by side: a machine that is slow for an hour is told, and no obstacle.
        job = SearchJob(runtime=runtime, num_threads=1, num_trials=args.trials, allow_noisy=True)
        with tempfile.TemporaryDirectory() as folder:
            found = compare(args.run, job, Path(folder))
        result.setdefault(model, {})[runtime] = found | {"environment": environment()}
        write_atomically(RESULT, (json.dumps(result, indent=1) + "\n").encode("ascii"))
        print(json.dumps(found["hypervolume"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
