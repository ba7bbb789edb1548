"""How well does the model of the target predict latencies that it has not seen?

    python -m benchmarks.latency.predictor
    python -m benchmarks.latency.predictor --recorded       fit again to the latencies in the result

120 subnets of MobileNetV2 with a width for each stage and one of four resolutions, drawn at
random, are timed side by side in ONNX Runtime. The model is fitted to 60 of them and tested on the
other 60: at least 90 % must be within 10 %, with a rank correlation of at least 0.98. The drawing
decides who is in which half before anything is measured. Needs an idle machine and about three
minutes. Writes results/latency/predictor.json, with the latencies of each drawing. How the
model's penalty is chosen was decided with the latencies of seed 0 known.
"""

import argparse
import json
from dataclasses import asdict
from random import Random
from typing import Any

import torch
from torchvision import models
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from nas.cost.layers import layer_costs
from nas.cost.predictor import LatencyPredictor, quality
from nas.evaluate.reference_network import reference_workload
from nas.meter.latency import measure_latency
from nas.runtimes import load_runtime
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.space import widths_from

RESULT = result_file(__file__)
NUM_FITTED = NUM_TESTED = 60
MAX_S = 120.0


def configs(space: SearchSpace, rng: Random) -> list[SubnetConfig]:
    """Different configs, drawn evenly."""
    drawn: dict[str, SubnetConfig] = {}
    while len(drawn) < NUM_FITTED + NUM_TESTED:
        config = SubnetConfig(
            width_mults=space.random_widths(rng), resolution=rng.choice(space.resolutions)
        )
        drawn[config.config_id] = config
    return list(drawn.values())


def timed(drawn: list[SubnetConfig], supernet: Supernet, rng: Random) -> dict[str, Any]:
    """Their latencies side by side, and what they were timed with."""
    runtime, networks = load_runtime("onnxruntime", num_threads=1), []
    for config in tqdm(drawn, "prepare"):
        side, network = config.resolution, supernet.extract(config).eval()
        networks.append(runtime.compile(network, torch.randn(1, 3, side, side)))
    found = measure_latency(
        networks,
        reference=reference_workload(runtime),
        rng=rng,
        max_s=MAX_S,
        progress=lambda share: print(f"\rtiming {share:4.0%}", end=""),
    )
    return {
        "environment": environment(),
        "runtime": f"{runtime.name} {runtime.version}, {runtime.num_threads} thread",
        "protocol": found.protocol(),
        "num_groups": supernet.space.num_groups,
        "configs": [
            {"config_id": config.config_id, "measured_ms": latency.p50_ms}
            for config, latency in zip(drawn, found.latencies, strict=True)
        ],
    }


def judged(configs: list[dict[str, Any]], costs: list[list[float]]) -> dict[str, Any]:
    """Fit to the first half, test on the other; adds what was predicted to each config."""
    measured = [config["measured_ms"] for config in configs]
    model = LatencyPredictor(costs[:NUM_FITTED], measured[:NUM_FITTED])
    for config, cost in zip(configs, costs, strict=True):
        p50, low, high = model.predict(cost)
        config |= {"predicted_ms": p50, "predicted_low_ms": low, "predicted_high_ms": high}
    tested = configs[NUM_FITTED:]
    held = [c["predicted_low_ms"] <= c["measured_ms"] <= c["predicted_high_ms"] for c in tested]
    predicted = [config["predicted_ms"] for config in tested]
    return {
        "cross_validated": asdict(model.quality),
        "tested": asdict(quality(measured[NUM_FITTED:], predicted)),
        "tested_share_in_interval": sum(held) / NUM_TESTED,
    }


def main() -> None:
    """Measure, or take the measurements of before; print and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0, help="of the drawing; default 0")
    parser.add_argument("--recorded", action="store_true", help="fit again, time nothing")
    args = parser.parse_args()
    torch.manual_seed(0)
    rng = Random(args.seed)
    space = SearchSpace(widths=widths_from(0.35), resolutions=(96, 80, 64, 48), groups="stage")
    supernet = Supernet(models.mobilenet_v2(), torch.zeros(1, 3, 96, 96), space)
    drawn = configs(supernet.space, rng)
    results: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    name = f"seed {args.seed}"
    result = results[name] if args.recorded else timed(drawn, supernet, rng)
    costs = [layer_costs(supernet.extract(c).eval(), c.resolution) for c in drawn]
    results[name] = judged(result["configs"], costs) | result
    RESULT.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps({k: v for k, v in results[name].items() if k != "configs"}, indent=2))


if __name__ == "__main__":
    main()
