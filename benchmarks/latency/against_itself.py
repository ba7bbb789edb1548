"""How often does the meter call a network different from itself, or from its twin?

    python -m benchmarks.latency.against_itself itself --comparisons 50
    python -m benchmarks.latency.against_itself itself --runtime openvino --dtype int8
    python -m benchmarks.latency.against_itself extracted

`itself`: two networks are compiled from the same weights and compared for two seconds, by default
in ONNX Runtime and float32; of a hundred comparisons at most seven may be called different. A
comparison that the meter refuses is made again. Each run adds its comparisons to those in the
result, until there are a hundred. `extracted`: in every runtime on this machine's CPU, a subnet
that a supernet gave is compared with the network that torchvision builds at that width: the median
of the rounds' ratios must be 0.98 to 1.02. Needs an idle machine; two minutes for fifty
comparisons, two for `extracted`. Writes results/latency/against_itself.json.
"""

import argparse
import json
import math
from random import Random
from typing import Any

import torch
from torch import nn
from torchvision import models
from torchvision.ops import Conv2dNormActivation
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from nas.errors import NoisyMachineError, RuntimeUnavailableError
from nas.evaluate.reference_network import reference_workload
from nas.meter.latency import Measurement, measure_latency
from nas.meter.statistics import median, median_interval
from nas.runtimes import CompiledNetwork, Runtime, load_runtime
from nas.runtimes.registry import RUNTIMES
from nas.runtimes.runtime import DTYPES
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.space import widths_from

RESULT = result_file(__file__)
NUM_COMPARISONS = 100
MAX_REFUSALS_PER_COMPARISON = 2
SIDE = 96
WIDTH_MULT = 0.5
DIVISOR = 4  # at half the width both then round all channels alike
IMAGE = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def compared(
    runtime: Runtime,
    pair: list[CompiledNetwork],
    rng: Random,
    max_s: float,
    *,
    allow_noisy: bool = False,
) -> Measurement:
    """Two networks side by side."""
    return measure_latency(
        pair,
        reference=reference_workload(runtime),
        rng=rng,
        max_s=max_s,
        precision=0.002,
        allow_noisy=allow_noisy,
    )


def against_itself(
    rng: Random, num_comparisons: int, runtime_name: str, dtype: str
) -> dict[str, int]:
    """How often two networks compiled from the same weights are called different."""
    runtime = load_runtime(runtime_name, num_threads=2, dtype=dtype)
    network = models.mobilenet_v2().eval()
    made = different = refused = 0
    with tqdm(total=num_comparisons, desc="A/A") as bar:
        while made < num_comparisons and refused < MAX_REFUSALS_PER_COMPARISON * num_comparisons:
            pair = [runtime.compile(network, IMAGE, IMAGE) for _ in range(2)]
            try:
                different += not compared(runtime, pair, rng, 2.0).is_tied(0, 1)
            except NoisyMachineError:
                refused += 1
            else:
                made += 1
                bar.update()
    return {"num_comparisons": made, "num_different": different, "num_refused": refused}


def extracted() -> nn.Module:
    """The subnet of a MobileNetV2 supernet."""
    space = SearchSpace(widths=widths_from(WIDTH_MULT), resolutions=(SIDE,), divisor=DIVISOR)
    supernet = Supernet(models.mobilenet_v2(), IMAGE, space)
    config = SubnetConfig(width_mults=(WIDTH_MULT,), resolution=SIDE)
    return supernet.extract(config).eval()


def built_directly() -> nn.Module:
    """The same network by torchvision, whose last convolution would else stay at 1280 channels."""
    network: nn.Module = models.mobilenet_v2(width_mult=WIDTH_MULT, round_nearest=DIVISOR)
    features, last = network.get_submodule("features"), int(1280 * WIDTH_MULT)
    assert isinstance(features, nn.Sequential)
    in_channels = network.get_parameter("features.18.0.weight").shape[1]
    features[-1] = Conv2dNormActivation(in_channels, last, kernel_size=1, activation_layer=nn.ReLU6)
    network.set_submodule("classifier.1", nn.Linear(last, 1000))
    return network.eval()


def ratios(rng: Random) -> dict[str, dict[str, Any]]:
    """Extracted over directly built, median latency, in every runtime."""
    networks = [extracted(), built_directly()]
    shapes = [{n: p.shape for n, p in network.named_parameters()} for network in networks]
    assert shapes[0] == shapes[1], "both must be the same network"
    found: dict[str, dict[str, Any]] = {}
    for name in RUNTIMES:
        try:
            runtime = load_runtime(name, num_threads=2)
        except RuntimeUnavailableError as error:
            found[name] = {"not_measured": str(error)}
            continue
        pair = [runtime.compile(network, IMAGE) for network in networks]
        result = compared(runtime, pair, rng, 10.0, allow_noisy=True)
        one, other = (latency.p50_ms for latency in result.latencies)
        logs = [
            math.log(median(r.first_s[0] + r.second_s[0]) / median(r.first_s[1] + r.second_s[1]))
            for r in result.rounds
        ]
        found[name] = {
            "version": runtime.version,
            "extracted_ms": one,
            "built_directly_ms": other,
            "ratio": math.exp(median(logs)),
            "ratio_interval": [math.exp(end) for end in median_interval(logs)],
            "noise_floor": result.noise_floor,
            "num_rounds": len(result.rounds),
        }
    return found


def main() -> None:
    """Measure, print, and write or add to the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("itself", "extracted"))
    parser.add_argument("--comparisons", type=int, default=NUM_COMPARISONS, help="default 100")
    parser.add_argument("--runtime", default="onnxruntime", help="of `itself`")
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="of `itself`")
    args = parser.parse_args()
    torch.manual_seed(0)
    result: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    if args.part == "extracted":
        result["extracted"] = {"environment": environment(), "ratios": ratios(Random(0))}
    else:
        target = (args.runtime, args.dtype)
        key = "itself" if target == ("onnxruntime", "float32") else "_".join(("itself", *target))
        before = result.get(key, [])
        missing = NUM_COMPARISONS - sum(run["num_comparisons"] for run in before)
        run = against_itself(Random(len(before)), min(args.comparisons, missing), *target)
        result[key] = [*before, {"environment": environment()} | run]
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
