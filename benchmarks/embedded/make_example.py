"""The book that `make app` opens where there is no run: app/example/book.json.

    python -m benchmarks.embedded.make_example runs/example

It trains, searches and measures: 10 minutes.
Fashion-MNIST, a width for each stage, everything that the search tried: timed side by side in ONNX
Runtime on one thread and in OpenVINO on two, scored on the report images. Both are targets on this
one machine, for there was no second device to measure on; their order differs all the same. The
smallest entries' ONNX files lie beside the book, so that the page Export has something to pack.
Run it on an idle machine.
"""

import argparse
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.environment import environment
from nas.conversions import planner_accuracy, subnet_config
from nas.cost.group_macs import describe_groups
from nas.evaluate.evaluator import Evaluator
from nas.evaluate.target import describe_target
from nas.evaluate.trained import Trained, load_trained
from nas.export.exporting import Exporter
from nas.measure import table_of
from nas.runtimes import load_runtime
from planner import Book, Candidate, Entry, LookupTable, read_candidates
from supernet.evaluate.accuracy import Images

FOLDER = Path(__file__).parents[2] / "app" / "example"
RUNTIMES = {"onnxruntime": 1, "openvino": 2}
"""Name and number of threads of each target."""
NUM_CANDIDATES = 100
TIMING_S = 90.0
MAX_ARTIFACTS_BYTES = 100_000


def train_and_search(run: Path) -> None:
    """Both commands go on where they were, so a second call costs seconds."""
    trials = ["--trials", str(NUM_CANDIDATES)]
    for command in (
        ["supernet.train", "--groups", "stage", "--out", str(run), "--resume"],
        ["nas.search", "--out", str(run), "--num-threads", "1", "--allow-noisy", *trials],
    ):
        subprocess.run([sys.executable, "-m", *command], check=True)


def scored(trained: Trained, table: LookupTable, candidates: Sequence[Candidate]) -> LookupTable:
    """`table` with all the candidates, and the top1 of each on `report`."""
    evaluator = evaluator_of(trained, "onnxruntime")
    entries = []
    for candidate in tqdm(candidates, "score", unit="config"):
        network = evaluator.compile(subnet_config(candidate))
        found = evaluator.report_accuracy(network, candidate.config.resolution)
        values = vars(candidate) | {"accuracy": planner_accuracy(found)}
        entries.append(Entry(**values, top1_selection=candidate.accuracy.top1))
    groups = describe_groups(trained.supernet, map(subnet_config, candidates))
    return replace(
        table,
        supernet={**table.supernet, **groups},
        entries=tuple(
            sorted(entries, key=lambda entry: (entry.latency.p50_ms, entry.accuracy.top1))
        ),
        provenance={
            **table.provenance,
            "command": "python -m benchmarks.embedded.make_example",
            "environment": environment(),
        },
    )


def evaluator_of(trained: Trained, runtime: str) -> Evaluator:
    """One runtime on this machine."""
    images = Images(trained.data, torch.device("cpu"))
    loaded = load_runtime(runtime, num_threads=RUNTIMES[runtime])
    return Evaluator(trained.supernet, images, loaded, batch_size=1, seed=0)


def measured(trained: Trained, table: LookupTable, runtime: str) -> dict[str, Any]:
    """All entries timed side by side, in the form of a kit's measurements.json."""
    evaluator, ids = evaluator_of(trained, runtime), [entry.config_id for entry in table]
    evaluator.rng = random.Random(0)
    networks = [
        evaluator.compile(subnet_config(entry)) for entry in tqdm(table, runtime, unit="config")
    ]
    result = evaluator.measure(networks, max_s=TIMING_S, allow_noisy=False)
    target = describe_target(evaluator.runtime, 1).to_json()
    del target["fingerprint"]
    ties = result.ties(ids)
    latencies = {
        config_id: asdict(latency) | {"tied_with": ties[config_id]}
        for config_id, latency in zip(ids, result.latencies, strict=True)
    }
    return {
        "weights_sha256": table.supernet["weights_sha256"],
        "target": target,
        "protocol": result.protocol(),
        "latencies": latencies,
    }


def with_small_artifacts(trained: Trained, table: LookupTable) -> LookupTable:
    """The smallest entries with their ONNX files, as many as fit."""
    exporter = Exporter(table, trained.supernet, trained.data, FOLDER)
    left = MAX_ARTIFACTS_BYTES
    named = {}
    for entry in sorted(table, key=lambda entry: entry.num_params):
        exported = exporter.export(entry)
        assert exported.artifact is not None
        left -= exported.artifact.size_bytes
        if left < 0:
            (FOLDER / exported.artifact.file).unlink()
            break
        named[entry.config_id] = exported
    return replace(table, entries=tuple(named.get(e.config_id, e) for e in table))


def main() -> None:
    """Make the run where it isn't there yet, measure it, write the book."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a folder for the run")
    run = parser.parse_args().run
    train_and_search(run)
    trained = load_trained(run)
    FOLDER.mkdir(exist_ok=True)
    table = LookupTable.read(run / "search" / "lookup_table.json")
    table = scored(trained, table, read_candidates(run / "search" / "candidates.csv"))
    table = with_small_artifacts(trained, table)
    Book(tuple(table_of(table, measured(trained, table, name)) for name in RUNTIMES)).write(
        FOLDER / "book.json"
    )


if __name__ == "__main__":
    main()
