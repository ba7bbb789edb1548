"""Three ways to follow channels through a network: how many each can trace, how fast, and in what.

    python -m benchmarks.networks.tracer_choice

`labels` is ours: running on the meta device below the Python level with labels on every tensor, in
training and eval mode, and checking narrow networks (supernet/elastic/channels.py). `fx` is
torch.fx.symbolic_trace, `export` torch.export; both give a graph of one mode, through which labels
would still have to be followed. Traced are every fifth of torchvision's classification networks, in
the order of their names (model_coverage.py has all of them with labels), and small
networks with what users write between two convolutions (`WRITTEN`). `kinds` are the operations in
the graphs, each of which wants a rule; labels see those of `export`, and know the ones that go
element by element by PyTorch's tag. Times are the processor's, on one thread. Writes
results/networks/tracer_choice.json.
"""

import json
import math
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from supernet import SearchSpace
from supernet.elastic.channels import trace_channels
from supernet.models import build_model

RESULTS = result_file(__file__)
TIMED = "resnet50"
EVERY = 5


def skipped_at_random(x: Tensor) -> Tensor:
    """A layer that is left out half of the time."""
    return x if torch.rand(()) < 0.5 else x.sin()


def in_place_on_a_slice(x: Tensor) -> Tensor:
    """Half of the channels, doubled."""
    x = x.clone()
    x[:, : x.shape[1] // 2] *= 2
    return x


def assertion(x: Tensor) -> Tensor:
    """A check of the shape."""
    assert x.shape[2] == x.shape[3]
    return x


def branch_on_a_size(x: Tensor) -> Tensor:
    """Another way for small images."""
    return x.sin() if x.shape[2] > 4 else x


def loop_over_pieces(x: Tensor) -> Tensor:
    """A function of each half."""
    return torch.cat([piece.sin() for piece in x.chunk(2, 1)], 1)


def kernel_of_a_size(x: Tensor) -> Tensor:
    """A pooling whose kernel Python computes."""
    return F.avg_pool2d(x, int(math.sqrt(x.shape[2])))


WRITTEN = (
    skipped_at_random,
    in_place_on_a_slice,
    assertion,
    branch_on_a_size,
    loop_over_pieces,
    kernel_of_a_size,
)


class Written(nn.Module):
    """Two convolutions with a function between them."""

    def __init__(self, between: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 16, 1)
        self.head, self.between = nn.Linear(16, 10), between

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        out: Tensor = self.head(self.second(self.between(self.first(x))).mean((2, 3)))
        return out


Tracer = Callable[[nn.Module, Tensor], set[Any]]
"""Traces a network, and returns the kinds of operation that it met."""


def labels(model: nn.Module, images: Tensor) -> set[Any]:
    """Follow labels; raise where nothing is elastic."""
    space = SearchSpace(resolutions=(images.shape[-1],), groups="layer")
    if not trace_channels(model, images, space).groups:
        raise ValueError("nothing is elastic")
    return set()  # that of `export`, below


def fx(model: nn.Module, images: Tensor) -> set[Any]:
    """Trace symbolically; run the graph, or a wrong one would count."""
    traced = torch.fx.symbolic_trace(model.eval())
    traced(images)
    return {
        type(traced.get_submodule(str(node.target))) if node.op == "call_module" else node.target
        for node in traced.graph.nodes
        if node.op.startswith("call")
    }


def export(model: nn.Module, images: Tensor) -> set[Any]:
    """Export for this size of images."""
    graph = torch.export.export(model.eval(), (images,)).graph
    return {node.target for node in graph.nodes if node.op == "call_function"}


def build(name: str) -> tuple[nn.Module, Tensor]:
    """A network and its images, on the meta device."""
    written = {between.__name__: between for between in WRITTEN}
    model = Written(written[name]) if name in written else build_model(name, 1000)
    side = 299 if name == "inception_v3" else 224
    return model.to("meta"), torch.empty(2, 3, side, side, device="meta")


def trace(name: str, tracer: Tracer, kinds: set[Any]) -> float | str:
    """Processor time that it takes, or why it fails; `kinds` gets what it met."""
    model, images = build(name)
    started = time.process_time()
    try:
        kinds |= tracer(model, images)
    except Exception as error:  # tracers raise anything; what they raise is the result
        return f"{type(error).__name__}: {(str(error).strip() or '-').splitlines()[0][:150]}"
    return round(time.process_time() - started, 2)


def measure(tracer: Tracer, names: Sequence[str]) -> dict[str, Any]:
    """What one tracer makes of the networks."""
    kinds: set[Any] = set()
    found = {name: trace(name, tracer, kinds) for name in tqdm(names, desc=tracer.__name__)}
    return {
        "num_networks": len(found),
        "num_traced": sum(isinstance(value, float) for value in found.values()),
        "num_kinds": len(kinds) or None,
        "cpu_s": {n: value for n, value in found.items() if isinstance(value, float)},
        "failures": {n: value for n, value in found.items() if isinstance(value, str)},
    }


def main() -> int:
    """Trace with all three."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torchvisions = torchvision.models.list_models(module=torchvision.models)
    sets = {
        "torchvision": sorted({*torchvisions[::EVERY], TIMED}),
        "written": [between.__name__ for between in WRITTEN],
    }
    document: dict[str, Any] = {"environment": environment()}
    for tracer in (labels, fx, export):
        trace("resnet18", tracer, set())  # warm up
        document[tracer.__name__] = {name: measure(tracer, names) for name, names in sets.items()}
        print(tracer.__name__, document[tracer.__name__], flush=True)
        RESULTS.write_text(json.dumps(document, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
