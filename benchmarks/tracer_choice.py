"""Three ways to follow channels through a network: how many networks each can trace, and how fast.

    python -m benchmarks.tracer_choice

`labels` is ours: running on the meta device below the Python level with labels on every tensor, in
training and eval mode, and checking narrow networks (supernet/channels.py). `fx` is
torch.fx.symbolic_trace, `export` torch.export; both give a graph of one mode, through which labels
would still have to be followed. Every fifth of torchvision's classification networks, in the order
of their names, on the meta device; benchmarks/model_coverage.py has all of them with labels. Times
are the processor's, on one thread. Writes benchmarks/tracer_choice.json.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from tqdm import tqdm

from benchmarks.environment import environment
from supernet import SearchSpace
from supernet.channels import trace_channels
from supernet.models import build_model

RESULTS = Path(__file__).with_suffix(".json")
TIMED = "resnet50"
EVERY = 5


def labels(model: nn.Module, images: Tensor) -> None:
    """Follow labels; raise where nothing is elastic."""
    space = SearchSpace(resolutions=(images.shape[-1],), groups="layer")
    if not trace_channels(model, images, space).groups:
        raise ValueError("nothing is elastic")


def fx(model: nn.Module, images: Tensor) -> None:
    """Trace symbolically; run the graph, or a wrong one would count."""
    torch.fx.symbolic_trace(model.eval())(images)


def export(model: nn.Module, images: Tensor) -> None:
    """Export for this size of images."""
    torch.export.export(model.eval(), (images,))


def seconds(name: str, tracer: Callable[[nn.Module, Tensor], None]) -> float | str:
    """Processor time that it takes, or why it fails."""
    side = 299 if name == "inception_v3" else 224
    model = build_model(name, 1000).to("meta")
    images = torch.empty(2, 3, side, side, device="meta")
    started = time.process_time()
    try:
        tracer(model, images)
    except Exception as error:  # tracers raise anything; what they raise is the result
        return f"{type(error).__name__}: {(str(error).strip() or '-').splitlines()[0][:150]}"
    return round(time.process_time() - started, 2)


def main() -> int:
    """Trace with all three."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    names = torchvision.models.list_models(module=torchvision.models)
    names = sorted({*names[::EVERY], TIMED})
    tracers: dict[str, Any] = {}
    for tracer in (labels, fx, export):
        seconds("resnet18", tracer)  # warm up
        found = {name: seconds(name, tracer) for name in tqdm(names, desc=tracer.__name__)}
        tracers[tracer.__name__] = {
            "num_networks": len(found),
            "num_traced": sum(isinstance(value, float) for value in found.values()),
            "cpu_s": {n: value for n, value in found.items() if isinstance(value, float)},
            "failures": {n: value for n, value in found.items() if isinstance(value, str)},
        }
        print(tracer.__name__, tracers[tracer.__name__], flush=True)
        document = {"tracers": tracers, "environment": environment()}
        RESULTS.write_text(json.dumps(document, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
