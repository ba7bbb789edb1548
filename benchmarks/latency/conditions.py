"""How much longer does a network take at its first call, after a pause, beside others, when hot?

    python -m benchmarks.latency.conditions measure
    python -m benchmarks.latency.conditions page

`measure`: three MobileNetV2 with random weights, a small one and two with about as many
multiply-adds as each other, are measured by `nas.measure --conditions` in ONNX Runtime and in
OpenVINO, on one thread and on all cores. All four settings are measured three times, in turn, so
that the repeats of one lie an hour apart. Each measurement takes the minutes of `sustained` (ten by
default) and about three and a half more: nearly three hours altogether, on an idle machine. The
result is written after each; started again, it goes on with what is missing. The quota is left out
where no cgroup can be made. `page`: puts the tables into docs/deployment.md. Writes
results/latency/conditions.json.
"""

import argparse
import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torchvision import models

from benchmarks.environment import environment
from benchmarks.latency.conditions_page import write_page
from benchmarks.result_file import result_file
from nas.conditions.quota import cpu_quota
from nas.conditions.registry import CONDITIONS
from nas.errors import NasError
from nas.evaluate.target import describe_target
from nas.measure.artifacts import MINUTES, measure_artifacts
from nas.runtimes import load_runtime
from nas.runtimes.from_pixels import FromPixels
from nas.runtimes.onnxruntime import OnnxRuntime
from nas.threads import threads_to_use
from planner import Artifact, Entry, LookupTable, Preprocessing
from planner.atomic import write_atomically
from supernet.data.preprocess import NORMALISATIONS

RESULT = result_file(__file__)
CANDIDATES = {"w0.35-r96": (0.35, 96), "w0.5-r224": (0.5, 224), "w1-r128": (1.0, 128)}
NORMALISATION = NORMALISATIONS["imagenet"]
RUNTIMES = ("onnxruntime", "openvino")
NUM_REPEATS = 3
MAX_S = 20.0
FIELDS = ("p50_ms", "p90_ms", "p99_ms", "p50_low_ms", "p50_high_ms", "num_samples")


def write_network(width_mult: float, side: int, path: Path) -> Artifact:
    """MobileNetV2 as torchvision builds it, as an artifact that takes pixels."""
    network = FromPixels(models.mobilenet_v2(width_mult=width_mult), *NORMALISATION)
    pixels = torch.zeros(1, side, side, 3, dtype=torch.uint8)
    model = OnnxRuntime("cpu", 1).compile(network.eval(), pixels).model.self_contained()
    content = model.SerializeToString()
    path.write_bytes(content)
    return Artifact(
        file=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        max_abs_difference=0.0,
    )


def make_table(folder: Path) -> LookupTable:
    """A table of the candidates; its accuracies and latencies are made up."""
    torch.manual_seed(0)
    entries = [
        Entry.from_values(
            config_id=name,
            origin="grid",
            width_mults=(width_mult,),
            resolution=side,
            **dict.fromkeys(("top1", "top1_low", "top1_high", "top1_selection"), 0.5),
            **dict.fromkeys(("macs", "num_params", "num_samples"), 1),
            **{f"latency_{field}": 1.0 for field in FIELDS if field.endswith("_ms")},
            kind="measured",
            artifact=write_network(width_mult, side, folder / f"{name}.onnx"),
        )
        for name, (width_mult, side) in CANDIDATES.items()
    ]
    return LookupTable(
        supernet={
            "model": "mobilenet_v2",
            "data": "none",
            "weights_sha256": "0" * 64,
            "class_names": [f"class {index}" for index in range(1000)],
            "normalisation": dict(zip(("mean", "std"), map(list, NORMALISATION), strict=True)),
            "preprocessing": Preprocessing(crop_resolution=224).to_json(),
            "seed": 0,
            "recipe": {},
        },
        target=describe_target(load_runtime("onnxruntime", num_threads=1), 1),
        protocol={"noise_floor": None, "num_rounds": 0, "num_samples": 0, "warmup": 0},
        splits=dict.fromkeys(("train", "calibration", "selection", "report"), 0),
        provenance={"versions": {}, "command": "none", "created_utc": "2026-01-01T00:00:00Z"},
        entries=tuple(entries),
    )


def conditions_here() -> list[str]:
    """All conditions but `repeated` and, where there can't be one, the quota."""
    left_out = {"repeated"}  # benchmarks/latency/sessions.py is about that
    try:
        with cpu_quota(1.0):
            pass
    except NasError:
        left_out |= {"quota"}
    return [name for name in CONDITIONS if name not in left_out]


def measured(
    table: LookupTable, folder: Path, setting: dict[str, Any], minutes: int
) -> dict[str, Any]:
    """One measurement of all candidates under all conditions."""
    runtime = load_runtime(setting["runtime"], num_threads=setting["num_threads"])
    found = measure_artifacts(
        table,
        folder,
        runtime,
        conditions_here(),
        max_s=MAX_S,
        minutes=minutes,
        allow_noisy=True,
    )
    return {
        **setting,
        "version": runtime.version,
        "environment": environment(),
        "protocol": dict(found.protocol),
        "latencies": {
            entry.config_id: {
                name: {field: getattr(latency, field) for field in FIELDS}
                for name, latency in {found.condition: entry.latency, **entry.conditions}.items()
            }
            for entry in found
        },
    }


def measure(minutes: int) -> None:
    """Make the measurements that the result lacks."""
    settings = [
        {"runtime": runtime, "num_threads": num_threads, "repeat": repeat}
        for repeat in range(NUM_REPEATS)
        for runtime in RUNTIMES
        for num_threads in sorted({1, threads_to_use(None)})
    ]
    result: dict[str, list[dict[str, Any]]] = {"measurements": []}
    if RESULT.exists():
        result = json.loads(RESULT.read_text())
    done = result["measurements"]
    with TemporaryDirectory() as name:
        folder = Path(name)
        table = make_table(folder)
        for index, setting in enumerate(settings, 1):
            if any(setting.items() <= each.items() for each in done):
                continue
            print(f"{index} of {len(settings)}: {setting}")
            done.append(measured(table, folder, setting, minutes))
            write_atomically(RESULT, (json.dumps(result, indent=1) + "\n").encode("ascii"))


def main() -> None:
    """Measure, or write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("measure", "page"))
    parser.add_argument("--minutes", type=int, default=MINUTES, help=f"default: {MINUTES}")
    args = parser.parse_args()
    if args.part == "measure":
        measure(args.minutes)
    else:
        write_page(json.loads(RESULT.read_text())["measurements"])


if __name__ == "__main__":
    main()
