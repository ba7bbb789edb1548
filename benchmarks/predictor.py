"""How well does the model of the target predict latencies that it has not seen?

    python -m benchmarks.predictor

120 subnets of MobileNetV2 with a width for each stage and one of four resolutions, drawn at
random, are timed side by side in ONNX Runtime. The model is fitted to 60 of them and tested on the
other 60: at least 90 % must be within 10 %, with a rank correlation of at least 0.98. The drawing
decides who is in which half before anything is measured. Needs an idle machine and about three
minutes. Writes benchmarks/predictor.json, with the latencies.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import torch
from torchvision import models
from tqdm import tqdm

from benchmarks.environment import environment
from nas.kernel import MatmulKernel
from nas.latency import measure_latency
from nas.layers import layer_costs
from nas.predictor import LatencyPredictor, quality
from nas.runtimes import load_runtime
from supernet import SearchSpace, SubnetConfig, Supernet

RESULT = Path(__file__).with_suffix(".json")
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


def main() -> None:
    """Measure, print and write the result."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    torch.manual_seed(0)
    rng, runtime = Random(0), load_runtime("onnxruntime", num_threads=1)
    space = SearchSpace(width_range=(0.35, 1.0), resolutions=(96, 80, 64, 48), groups="stage")
    supernet = Supernet(models.mobilenet_v2(), torch.zeros(1, 3, 96, 96), space)
    drawn = configs(supernet.space, rng)
    networks, costs = [], []
    for config in tqdm(drawn, "prepare"):
        side, network = config.resolution, supernet.extract(config).eval()
        networks.append(runtime.compile(network, torch.randn(1, 3, side, side)))
        costs.append(layer_costs(network, side))
    found = measure_latency(
        networks,
        kernel=MatmulKernel("cpu", 1),
        rng=rng,
        max_s=MAX_S,
        progress=lambda share: print(f"\rtiming {share:4.0%}", end=""),
    )
    measured = [latency.p50_ms for latency in found.latencies]
    model = LatencyPredictor(costs[:NUM_FITTED], measured[:NUM_FITTED])
    predicted = [model.predict(cost) for cost in costs]
    tested = slice(NUM_FITTED, None)
    held = [low <= m <= high for m, (_, low, high) in zip(measured, predicted, strict=True)]
    result: dict[str, Any] = {
        "environment": environment(),
        "runtime": f"{runtime.name} {runtime.version}, {runtime.num_threads} thread",
        "protocol": found.protocol(),
        "num_groups": supernet.space.num_groups,
        "cross_validated": asdict(model.quality),
        "tested": asdict(quality(measured[tested], [p for p, _, _ in predicted[tested]])),
        "tested_share_in_interval": sum(held[tested]) / NUM_TESTED,
        "configs": [
            {"config_id": config.config_id, "measured_ms": m, "predicted_ms": p}
            for config, m, (p, _, _) in zip(drawn, measured, predicted, strict=True)
        ],
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({key: value for key, value in result.items() if key != "configs"}, indent=2))


if __name__ == "__main__":
    main()
