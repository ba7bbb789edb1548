"""What does int8 cost in top-1, by which way of quantising, and is it the same on every CPU?

    python -m benchmarks.latency.quantisation accuracy runs/default \
        --configs w1-r28 w0.5-r20 w0.25-r16 --emulator qemu-x86_64-static
    python -m benchmarks.latency.quantisation latency runs/default --configs w1-r28 w0.25-r16

`accuracy` quantises subnets of a run in several ways and scores each file in ONNX Runtime on the
run's report images: top-1, the share of images for which the file names the class that the float
subnet names, the seconds of CPU time that quantising took, and the CPU time of a run (least of
several, one thread: a hint for a busy machine, no latency). With `--emulator`, two of the files are
scored as on a CPU without VNNI, too, by QEMU's user emulation of a Haswell. `latency` times float32
and int8 side by side in both runtimes, on an idle machine. Both add to results/latency/
quantisation.json, under the name of the run's model.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationMethod, TensorData, TensorsData
from torch import Tensor
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from nas.evaluate.evaluator import Evaluator
from nas.evaluate.reference_network import reference_workload
from nas.evaluate.trained import Trained, load_trained
from nas.meter.latency import measure_latency
from nas.runtimes import CompiledNetwork, load_runtime
from nas.runtimes.bias_correction import correct_biases
from nas.runtimes.onnx_graph import OnnxModel
from nas.runtimes.onnxruntime import OnnxNetwork
from nas.runtimes.quantise import (
    LAYERS,
    Quantisation,
    calibrated,
    ends,
    quantised,
    ranges_of,
    with_ranges,
)
from supernet import SubnetConfig
from supernet.evaluate.accuracy import Images

RESULT = result_file(__file__)
NUM_IMAGES = 300
NUM_FOR_SENSITIVITY = 400
"""Further calibration images, by which the layer is found that costs most."""
CLIPS = np.linspace(0.2, 1.0, 81)
"""Shares of a range's end that are tried as its end, by mean squared error."""
WITHOUT_VNNI = "Haswell"
ACCURACY_OF_FILE = """
import sys, numpy as np, onnxruntime
path, data = sys.argv[1:]
found = np.load(data)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.log_severity_level = 1, 4
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
run = lambda image: session.run(None, {"images": image[None]})[0].argmax()
print(sum(int(run(image) == label) for image, label in zip(found["pixels"], found["labels"])))
"""

Way = Callable[[OnnxModel, Tensor, Tensor], OnnxModel]
"""Quantises a model, given calibration images and others of that split."""


def plainly(**options: Any) -> Way:
    """A way that `nas.runtimes.quantise` has."""
    return lambda model, images, _: quantised(model, images, Quantisation(**options))


def from_few(model: OnnxModel, images: Tensor, _: Tensor) -> OnnxModel:
    """As shipped, from a third of the images."""
    return quantised(model, images[::3])


def from_many(model: OnnxModel, images: Tensor, others: Tensor) -> OnnxModel:
    """As shipped, from all images."""
    return quantised(model, torch.cat([images, others]))


def by_squared_error(model: OnnxModel, images: Tensor, _: Tensor) -> OnnxModel:
    """Each range is the one with the least mean squared error of rounding and clipping."""
    options = {"symmetric": False}  # else the histograms would be of absolute values
    calibrator = calibrated(model, images, CalibrationMethod.Percentile, options)
    found = calibrator.collector.get_histogram_dict()
    ranges = {name: _least_error(histogram) for name, histogram in found.items()}
    result = with_ranges(model, TensorsData(CalibrationMethod.MinMax, ranges))
    correct_biases(result.graph, model, images)
    return result


def _least_error(histogram: tuple[Any, ...]) -> TensorData:
    counts, edges, low, high, *_ = histogram
    middles = (edges[:-1] + edges[1:]) / 2
    is_rounded = edges[:-1] * edges[1:] > 0  # in the two bins at zero most values are zero itself
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    best = (np.inf, low, high)
    for below in CLIPS * low if low else [0.0]:
        for above in CLIPS * high if high else [0.0]:
            clipped = middles - np.clip(middles, below, above)
            # Uniform within a step. The bins' middles would not do: some steps meet all of them.
            rounding = ((above - below) / 255) ** 2 / 12 * (is_rounded & (clipped == 0))
            best = min(best, (float((counts * (clipped**2 + rounding)).sum()), below, above))
    return TensorData(lowest=np.float32(best[1]), highest=np.float32(best[2]))


def with_the_worst_in_float(model: OnnxModel, images: Tensor, others: Tensor) -> OnnxModel:
    """As shipped, but for the layer that brings most images back to the float subnet's class."""
    ranges, x = ranges_of(model, images), others[:NUM_FOR_SENSITIVITY]
    graph = model.graph.graph
    layers = {node.name for node in graph.node if node.op_type in LAYERS} - ends(graph)
    expected = logits_of(model, x).argmax(1)

    def agreement(layer: str) -> int:
        way = Quantisation(nodes_in_float=frozenset({layer}))
        return int((logits_of(with_ranges(model, ranges, way), x).argmax(1) == expected).sum())

    worst = max(sorted(layers), key=agreement)
    return quantised(model, images, Quantisation(nodes_in_float=frozenset({worst})))


NAIVE = "naive: min-max, 8-bit weights, all layers"
WAYS: Mapping[str, Way] = {
    NAIVE: plainly(weight_bits=8, ends_in_float=False, corrects_biases=False),
    "7-bit weights, all layers": plainly(ends_in_float=False),
    "8-bit weights": plainly(weight_bits=8),
    "shipped": plainly(),
    "one scale for each layer": plainly(per_channel=False),
    "percentile 99.9": plainly(ranges="percentile", percentile=99.9),
    "percentile 99.999": plainly(ranges="percentile"),
    "entropy": plainly(ranges="entropy"),
    "mean squared error": by_squared_error,
    "biases not corrected": plainly(corrects_biases=False),
    "worst layer in float": with_the_worst_in_float,
    "100 calibration images": from_few,
    "1,000 calibration images": from_many,
}
IN_EMULATOR = (NAIVE, "shipped")


def logits_of(model: OnnxModel, x: Tensor) -> NDArray[np.float32]:
    """Logits (n, classes) in ONNX Runtime on one thread."""
    found: NDArray[np.float32] = OnnxNetwork(model, x[:1], "cpu", 1).logits(x).numpy()
    return found


class Subnet:
    """One subnet of a run, in float, with its images."""

    def __init__(self, trained: Trained, config_id: str) -> None:
        found = re.fullmatch(r"w([\d._]+)-r(\d+)", config_id)
        if not found:
            raise SystemExit(f"a config must be like w0.5-r24, but got {config_id}")
        widths = tuple(map(float, found[1].split("_")))
        config = SubnetConfig(width_mults=widths, resolution=int(found[2]))
        images = Images(trained.data, torch.device("cpu"))
        runtime = load_runtime("onnxruntime", num_threads=1)
        evaluator = Evaluator(trained.supernet, images, runtime, batch_size=1, seed=0)
        compiled = evaluator.compile(config)
        assert isinstance(compiled, OnnxNetwork)
        self.model = compiled.model
        self.pixels, self.labels = _all(images, "report", config.resolution)
        calibration, _ = _all(images, "calibration", config.resolution)
        chosen = np.linspace(0, len(calibration) - 1, NUM_IMAGES).astype(int)
        others = np.setdiff1d(np.arange(len(calibration)), chosen)[: 1000 - NUM_IMAGES]
        self.calibration, self.others = calibration[chosen], calibration[others]
        self.expected = logits_of(self.model, self.pixels).argmax(1)

    def top1(self, answers: NDArray[np.intp]) -> float:
        """Share of the report images that are right."""
        return float((answers == self.labels.numpy()).mean())


def _all(images: Images, split: str, resolution: int) -> tuple[Tensor, Tensor]:
    pixels, labels = zip(*images.pixels(split, resolution), strict=True)
    return torch.cat(pixels).contiguous(), torch.cat(labels)


def compared(subnet: Subnet, names: list[str], emulator: str | None) -> dict[str, Any]:
    """Some ways of quantising one subnet, by name."""
    in_float = subnet.top1(subnet.expected)
    models = {"float32": subnet.model}
    found: dict[str, Any] = {"float32": {"top1": round(in_float, 4)}}
    for name in tqdm(names, leave=False):
        start_s = time.process_time()
        models[name] = WAYS[name](subnet.model, subnet.calibration, subnet.others)
        elapsed_s = time.process_time() - start_s
        answers = logits_of(models[name], subnet.pixels).argmax(1)
        found[name] = {
            "top1": round(subnet.top1(answers), 4),
            "lost_points": round(100 * (in_float - subnet.top1(answers)), 2),
            "agreement": round(float((answers == subnet.expected).mean()), 4),
            "quantising_cpu_s": round(elapsed_s, 2),
            "size_bytes": len(models[name].graph.SerializeToString()),
        }
    for name, ms in cpu_times_ms(models, subnet.pixels).items():
        found[name]["cpu_ms"] = round(ms, 4)
    if "shipped" in names:
        network = loaded_in_openvino(models["shipped"], subnet.pixels[:1])
        answers = network.logits(subnet.pixels).argmax(1).numpy()
        found["shipped"]["top1_in_openvino"] = round(subnet.top1(answers), 4)
    for name in set(IN_EMULATOR) & set(names) if emulator else ():
        num_correct = without_vnni(models[name], subnet, str(emulator))
        found[name]["top1_without_vnni"] = round(num_correct / len(subnet.labels), 4)
    return found


def loaded_in_openvino(model: OnnxModel, images: Tensor) -> CompiledNetwork:
    """The model as the project's OpenVINO runtime loads it, on one thread."""
    runtime: Any = load_runtime("openvino", num_threads=1)
    loaded: CompiledNetwork = runtime._load(model, images)
    return loaded


def cpu_times_ms(models: Mapping[str, OnnxModel], pixels: Tensor) -> dict[str, float]:
    """CPU time of one run on one thread: the least of nine rounds, in which all take turns."""
    networks = {name: OnnxNetwork(model, pixels[:1], "cpu", 1) for name, model in models.items()}
    times = dict.fromkeys(networks, float("inf"))
    for _ in range(9):
        for name, network in networks.items():
            num_runs = 0
            start_s = time.process_time()
            while (elapsed_s := time.process_time() - start_s) < 0.05:
                network.run()
                num_runs += 1
            times[name] = min(times[name], 1e3 * elapsed_s / num_runs)
    return times


def without_vnni(model: OnnxModel, subnet: Subnet, emulator: str) -> int:
    """Number of report images that are right on an emulated CPU, in another process."""
    with tempfile.TemporaryDirectory() as folder:
        path, data = Path(folder) / "model.onnx", Path(folder) / "data.npz"
        path.write_bytes(model.self_contained().SerializeToString())
        np.savez(data, pixels=subnet.pixels.numpy(), labels=subnet.labels.numpy())
        python = os.path.realpath(sys.executable)
        done = subprocess.run(
            [emulator, "-cpu", WITHOUT_VNNI, python, "-c", ACCURACY_OF_FILE, path, data],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
    return int(done.stdout)


def timed(trained: Trained, config_ids: list[str], max_s: float) -> dict[str, Any]:
    """float32 and int8 of every config side by side, in both runtimes on one thread."""
    result: dict[str, Any] = {}
    subnets = {name: Subnet(trained, name) for name in config_ids}
    for runtime in ("onnxruntime", "openvino"):
        loaded = load_runtime(runtime, num_threads=1)
        networks = {}
        for config_id, subnet in subnets.items():
            x = subnet.pixels[:1]
            models = {"float32": subnet.model, "int8": quantised(subnet.model, subnet.calibration)}
            for dtype, model in models.items():
                networks[f"{config_id} {dtype}"] = (
                    loaded_in_openvino(model, x)
                    if runtime == "openvino"
                    else OnnxNetwork(model, x, "cpu", 1)
                )
        found = measure_latency(
            list(networks.values()),
            reference=reference_workload(loaded),
            rng=Random(0),
            max_s=max_s,
        )
        result[runtime] = {
            name: {
                "p50_ms": latency.p50_ms,
                "p50_low_ms": latency.p50_low_ms,
                "p50_high_ms": latency.p50_high_ms,
            }
            for name, latency in zip(networks, found.latencies, strict=True)
        } | {"version": loaded.version, "noise_floor": found.noise_floor}
    return result


def main() -> None:
    """Measure, print, and add to the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("accuracy", "latency"))
    parser.add_argument("run", type=Path, metavar="RUN", help="run with a trained supernet")
    parser.add_argument("--configs", nargs="+", required=True, metavar="CONFIG_ID")
    parser.add_argument(
        "--ways", nargs="+", choices=WAYS, default=list(WAYS), help="default: all", metavar="WAY"
    )
    parser.add_argument("--data", help="where the run's images are now")
    parser.add_argument("--emulator", metavar="QEMU", help="QEMU's user emulator of x86-64")
    parser.add_argument("--max-s", type=float, default=60.0, help="of timing, for each runtime")
    args = parser.parse_args()
    trained = load_trained(args.run, data=args.data)
    job = trained.document["job"]
    result: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    part = result.setdefault(args.part, {}).setdefault(job["model"], {})
    part["run"] = {name: job[name] for name in ("model", "model_options", "data", "epochs", "seed")}
    part["run"]["weights_sha256"] = trained.document["weights_sha256"]
    part["environment"] = environment() | {"onnxruntime": onnxruntime.__version__}
    if args.part == "latency":
        part |= timed(trained, args.configs, args.max_s)
    else:
        part |= {"num_calibration_images": NUM_IMAGES}
        for config_id in args.configs:
            subnet = Subnet(trained, config_id)
            ways = part.get(config_id, {}).get("ways", {})
            ways |= compared(subnet, args.ways, args.emulator)
            part[config_id] = {"num_report_images": len(subnet.labels), "ways": ways}
            RESULT.write_text(json.dumps(result, indent=2) + "\n")
            print(config_id, json.dumps(part[config_id], indent=2))
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
