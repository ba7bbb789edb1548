"""Times the networks of a kit on this device and writes measurements.json.

    pip install numpy onnxruntime
    python measure.py                     with all usable cores, for at most two minutes
    python measure.py --num-threads 1 --max-s 60
    python measure.py --conditions first_call after_pause sustained --minutes 5
    python measure.py models/w0.5-r24.onnx        one network; prints the result to stdout

Copy measurements.json back, and create the lookup table of this device with python -m nas.measure.
Needs Python 3.11, numpy and onnxruntime; no PyTorch.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import onnxruntime

from nas.conditions.bench import Bench, Progress
from nas.conditions.onnx_file import load
from nas.conditions.registry import CONDITIONS, STEADY, chosen, measure_conditions
from nas.conditions.steady import steady
from nas.errors import NasError
from nas.meter.atomic import write_atomically
from nas.meter.machine import machine_details, observations
from nas.meter.reference_workload import ReferenceWorkload, speed_file
from nas.threads import threads_to_use

RUNTIME = "onnxruntime"
HERE = [name for name in CONDITIONS if name != "end_to_end"]
"""All conditions but the one that needs Pillow and the planner."""


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Time the kit's networks together, as `args` say; return the content of measurements.json.

    Raises NasError for a model that the kit does not contain or a wrong condition, and
    NoisyMachineError like `nas.meter.latency.measure_latency`.
    """
    kit = json.loads((args.kit / "kit.json").read_text())
    models = [each for each in kit["models"] if args.model in (None, each["file"])]
    if not models:
        raise NasError(
            f"the model must be one of the kit's, like {kit['models'][0]['file']}, "
            f"but got {args.model}"
        )
    names, num_threads = chosen(args.conditions, HERE), threads_to_use(args.num_threads)
    files = [args.kit / model["file"] for model in models]
    bench = Bench(
        networks=[load(file, RUNTIME, num_threads) for file in files],
        files=files,
        runtime=RUNTIME,
        num_threads=num_threads,
        reference=_reference(args.kit, num_threads),
        rng=Random(args.seed),
        max_s=args.max_s,
        minutes=args.minutes,
        num_busy_processes=args.busy_processes,
    )
    with _shown("timing") as show:
        found = steady(bench, show, allow_noisy=args.allow_noisy)
    under, parameters = measure_conditions(names, bench, _shown)
    if found.is_slow:
        print(f"this machine ran {found.slowdown:.0%} slower than at its best", file=sys.stderr)
    ids = [model["config_id"] for model in models]
    ties = found.ties(ids)
    return {
        "weights_sha256": kit["weights_sha256"],
        "target": _target(kit, num_threads),
        "protocol": found.protocol() | ({"conditions": parameters} if parameters else {}),
        "latencies": {
            name: dataclasses.asdict(latency) | {"tied_with": ties[name], "conditions": conditions}
            for name, latency, conditions in zip(ids, found.latencies, under, strict=True)
        },
    }


@contextmanager
def _shown(what: str) -> Iterator[Progress]:
    """Show the share of some work that is done in one line of stderr."""
    yield lambda share: print(f"\r{what} {share:4.0%}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def _reference(folder: Path, num_threads: int) -> ReferenceWorkload:
    target = f"{onnxruntime.__version__} onnxruntime kit {num_threads} threads"
    network = load(folder / "reference.onnx", RUNTIME, num_threads)
    return ReferenceWorkload(network, target, speed_file())


def _target(kit: dict[str, Any], num_threads: int) -> dict[str, Any]:
    details = machine_details()
    return {
        "device": details["cpu"],
        "runtime": RUNTIME,
        "runtime_version": onnxruntime.__version__,
        "batch_size": kit["batch_size"],
        "dtype": kit["dtype"],
        "num_threads": num_threads,
        "details": {
            **details,
            **kit["details"],
            "provider": "CPUExecutionProvider",
        },
        "observed": observations(),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("model", nargs="?", help="ONNX file of the kit; default: all, timed together")
    add("--num-threads", type=int, help="threads; default and at most: all usable cores")
    add("--max-s", type=float, default=120.0, help="seconds of timing; default: 120")
    add("--seed", type=int, default=0, help="random seed of the timing order; default: 0")
    add(
        "--conditions",
        nargs="+",
        default=[],
        metavar="NAME",
        help=f"time under these conditions as well: {', '.join([STEADY, *HERE])}",
    )
    add("--minutes", type=int, default=10, help="of the condition sustained; default: 10")
    num_cores = threads_to_use(None)
    add("--busy-processes", type=int, default=num_cores, help=f"of contended; default: {num_cores}")
    add(
        "--allow-noisy",
        action="store_true",
        help="measure even on a busy device, and mark the result as noisy",
    )
    add(
        "--kit",
        type=Path,
        default=Path(__file__).parent,
        metavar="DIR",
        help="folder of the kit; default: the folder of this script",
    )
    add(
        "--out",
        type=Path,
        default=Path("measurements.json"),
        metavar="FILE",
        help="default: measurements.json",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = _parser().parse_args(argv)
    try:
        found = measure(args)
        if args.model:
            print(json.dumps(found))
            return 0
        write_atomically(args.out, json.dumps(found, indent=2) + "\n")
    except (NasError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for config_id, latency in found["latencies"].items():
        print(f"{config_id:>24}  {latency['p50_ms']:9.3f} ms")
    print(f"written: {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
