"""Times the networks of a kit on this device and writes measurements.json.

    pip install numpy onnxruntime
    python measure.py                     with all usable cores, for at most two minutes
    python measure.py --num-threads 1 --max-s 60
    python measure.py models/w0.5-r24.onnx        one network; prints the result to stdout

Copy measurements.json back, and create the lookup table of this device with python -m nas.measure.
Needs Python 3.11, numpy and onnxruntime; no PyTorch.
"""

import argparse
import dataclasses
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from nas.errors import NasError
from nas.meter.atomic import write_atomically
from nas.meter.latency import Measurement, measure_latency
from nas.meter.machine import machine_details, observations
from nas.meter.reference_workload import ReferenceWorkload, speed_file
from nas.threads import threads_to_use


class OnnxFile:
    """An ONNX file of the kit, loaded, with random images as input."""

    def __init__(self, path: Path, num_threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.log_severity_level = 3
        # Without this, the threads of one network still spin while the next one is timed.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        (images,) = self._session.get_inputs()
        generator = np.random.default_rng(0)
        self._binding = self._session.io_binding()
        if images.type == "tensor(uint8)":
            pixels = generator.integers(0, 256, images.shape, dtype=np.uint8)
            self._binding.bind_cpu_input(images.name, pixels)
        else:  # the reference network
            noise = generator.standard_normal(images.shape, dtype=np.float32)
            self._binding.bind_cpu_input(images.name, noise)
        self._binding.bind_output(self._session.get_outputs()[0].name)

    def run(self) -> None:
        """Run one inference; return when it has finished."""
        self._session.run_with_iobinding(self._binding)


def measure(
    folder: Path, file: str | None, *, num_threads: int, max_s: float, seed: int, allow_noisy: bool
) -> dict[str, Any]:
    """Time the networks of the kit in `folder` together; return the content of measurements.json.

    `file` selects a single network. Raises NasError if the kit does not contain it, and
    NoisyMachineError like `nas.meter.latency.measure_latency`.
    """
    kit = json.loads((folder / "kit.json").read_text())
    models = [each for each in kit["models"] if file in (None, each["file"])]
    if not models:
        raise NasError(
            f"the model must be one of the kit's, like {kit['models'][0]['file']}, but got {file}"
        )
    result = measure_latency(
        [OnnxFile(folder / model["file"], num_threads) for model in models],
        reference=_reference(folder, num_threads),
        rng=random.Random(seed),
        max_s=max_s,
        allow_noisy=allow_noisy,
        progress=lambda share: print(f"\rtiming {share:4.0%}", end="", file=sys.stderr),
    )
    print(file=sys.stderr)
    return {
        "weights_sha256": kit["weights_sha256"],
        "target": _target(kit, num_threads),
        "protocol": result.protocol(),
        "latencies": _latencies([model["config_id"] for model in models], result),
    }


def _reference(folder: Path, num_threads: int) -> ReferenceWorkload:
    target = f"{onnxruntime.__version__} onnxruntime kit {num_threads} threads"
    return ReferenceWorkload(OnnxFile(folder / "reference.onnx", num_threads), target, speed_file())


def _target(kit: dict[str, Any], num_threads: int) -> dict[str, Any]:
    details = machine_details()
    return {
        "device": details["cpu"],
        "runtime": "onnxruntime",
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


def _latencies(ids: Sequence[str], result: Measurement) -> dict[str, Any]:
    ties = result.ties(ids)
    return {
        config_id: dataclasses.asdict(latency) | {"tied_with": ties[config_id]}
        for config_id, latency in zip(ids, result.latencies, strict=True)
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("model", nargs="?", help="ONNX file of the kit; default: all, timed together")
    add("--num-threads", type=int, help="threads; default and at most: all usable cores")
    add("--max-s", type=float, default=120.0, help="seconds of timing; default: 120")
    add("--seed", type=int, default=0, help="random seed of the timing order; default: 0")
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
    args = parser.parse_args(argv)
    try:
        found = measure(
            args.kit,
            args.model,
            num_threads=threads_to_use(args.num_threads),
            max_s=args.max_s,
            seed=args.seed,
            allow_noisy=args.allow_noisy,
        )
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
