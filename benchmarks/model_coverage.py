"""Which of torchvision's classification networks become supernets, and how much of each is elastic.

For each: the time to trace; three configs with random widths for each channel group, extracted and
compared with the supernet's own output; a backward pass; parameters and MACs with all groups at
0.5. Results are added to benchmarks/model_coverage.json network by network, so that a run goes on
where it was stopped; docs/model_coverage.md is written from them.

example:
  python -m benchmarks.model_coverage --models resnet50 vit_b_16
"""

import argparse
import json
import os
import platform
import random
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor
from tqdm import tqdm

from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.describe import count_elastic
from supernet.models import build_model

RESULTS = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).parents[1] / "docs" / "model_coverage.md"
NUM_CONFIGS = 3


def measure(name: str) -> dict[str, Any]:
    """One network's row; `error` instead of figures where it does not convert."""
    torch.manual_seed(0)
    side = 299 if name == "inception_v3" else 224
    model = build_model(name, 1000).eval()
    space = SearchSpace(width_range=(0.25, 1.0), resolutions=(side,), groups="layer")
    started = time.perf_counter()
    try:
        supernet = Supernet(model, torch.empty(1, 3, side, side), space).eval()
    except ValueError as error:
        return {"error": str(error)}
    trace_s = time.perf_counter() - started
    images, rng = torch.randn(1, 3, side, side), random.Random(0)
    configs = [
        SubnetConfig(width_mults=supernet.space.random_widths(rng), resolution=side)
        for _ in range(NUM_CONFIGS)
    ]
    difference = max(_difference(supernet, config, images) for config in configs)
    supernet(images, configs[0]).sum().backward()
    half = count_elastic(model, supernet.channels, supernet.kept_counts(space.uniform(0.5, side)))
    return {
        "num_groups": len(supernet.channels.groups),
        "trace_s": round(trace_s, 2),
        "elastic_macs": round(half["elastic_macs"] / half["macs"], 4),
        "macs_at_half": round(half["kept_macs"] / half["macs"], 4),
        "params_at_half": round(half["kept_params"] / half["params"], 4),
        "macs": half["macs"],
        "params": half["params"],
        "largest_difference": difference,
        "with_gradient": sum(p.grad is not None for p in model.parameters()),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "kept": sorted({f"{k.operation}: {k.why}" for k in supernet.channels.kept})[:3],
    }


@torch.no_grad()
def _difference(supernet: Supernet, config: SubnetConfig, images: Tensor) -> float:
    """Largest difference of the extracted network, relative to its largest output."""
    extracted = supernet.extract(config)(images)
    scale = extracted.abs().max().clamp_min(1e-30)
    return float((extracted - supernet(images, config)).abs().max() / scale)


def write_page(rows: dict[str, dict[str, Any]], hardware: str) -> None:
    """docs/model_coverage.md: one line a network."""
    good = {name: row for name, row in rows.items() if "error" not in row}
    lines = [
        "# Which networks become supernets",
        "",
        f"{len(good)} of {len(rows)} classification networks of torchvision "
        f"{torchvision.__version__} convert (PyTorch {torch.__version__}, {hardware}).",
        "Written by `python -m benchmarks.model_coverage`. MACs count convolutions and linear",
        "layers;",
        "*elastic* is their share in layers that some width narrows. *At 0.5*: what is left with",
        f"every group at width 0.5. *Difference*: the largest of {NUM_CONFIGS} random configs",
        "between the extracted network and the supernet, relative to the largest output.",
        "",
        "| network | groups | MACs (M) | elastic | MACs at 0.5 | parameters at 0.5 "
        "| difference | trace (s) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in sorted(rows.items()):
        lines.append(
            f"| {name} | {row['error']} | | | | | | |"
            if "error" in row
            else f"| {name} | {row['num_groups']} | {row['macs'] / 1e6:.1f} | "
            f"{row['elastic_macs']:.1%} | "
            f"{row['macs_at_half']:.1%} | {row['params_at_half']:.1%} | "
            f"{row['largest_difference']:.1e} | {row['trace_s']:.2f} |"
        )
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    """Measure what is missing, or the named networks."""
    names = torchvision.models.list_models(module=torchvision.models)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.model_coverage",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--models", nargs="+", choices=names, metavar="NAME", help="default: all")
    parser.add_argument("--max-minutes", type=float, default=60.0, help="stop after so long")
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # torchvision's about the initialisation of two networks
    document = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"models": {}}
    rows = document["models"]
    stop_at = time.monotonic() + 60 * args.max_minutes
    for name in tqdm(args.models or [name for name in names if name not in rows], unit="network"):
        if time.monotonic() > stop_at:
            break
        rows[name] = measure(name)
        document |= {
            "n": len(rows),
            "hardware": f"{os.cpu_count()} cores, {platform.machine()}",
            "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
        }
        RESULTS.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
        write_page(rows, document["hardware"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
