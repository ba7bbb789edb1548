"""Cache of exported ONNX graphs, filled with each network's weights and verified against it."""

import copy
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from nas.errors import ExportError
from nas.runtimes.elastic_graph import ElasticGraph
from nas.runtimes.onnx_graph import OnnxModel, architecture, export_graph, export_model
from nas.runtimes.runtime import CompiledNetwork

Compiled = TypeVar("Compiled", bound=CompiledNetwork)

# Maximum difference of a logit, relative to the largest logit. Rounding in float32 causes about
# 1e-6; in lower precision, rounding errors accumulate over all layers.
# A network whose logits are small differences of large terms magnifies rounding, see `_rounding`.
TOLERANCES = {"float32": 1e-4, "float16": 0.02, "bfloat16": 0.1}
EPSILON = 2.0**-24  # relative error of a number that is rounded to float32
ROUNDINGS = 10
"""Times the error of rounding the weights: a runtime also rounds within its layers."""
# A network whose graph holds for one resolution needs one for each; the oldest are evicted.
GRAPHS_PER_ARCHITECTURE = 8


class GraphCache:
    """Exports an architecture once or twice; the graph serves all its subnets, each verified.

    `dtype` is the one that the runtime computes in; it sets the tolerance.
    """

    def __init__(self, dtype: str = "float32") -> None:
        self._tolerance = TOLERANCES[dtype]
        self._graphs: dict[tuple[object, ...], deque[ElasticGraph]] = {}

    def compile(
        self, network: nn.Module, images: torch.Tensor, load: Callable[[OnnxModel], Compiled]
    ) -> Compiled:
        """Return `load(model)` for a model whose logits on `images` equal those of `network`.

        `network` is in evaluation mode with BN folded, on the CPU. `load` may raise if the shapes
        of a cached graph don't fit; the network is then exported again, which takes seconds.

        Raises:
            ExportError: even a graph exported from `network` itself gives different logits.
        """
        key = architecture(network)
        graphs = self._graphs.setdefault(key, deque(maxlen=GRAPHS_PER_ARCHITECTURE))
        for graph in graphs:
            if fitting := self._try(load, graph.filled(network, images), network, images):
                return fitting
        own = ElasticGraph(export_graph(network, images), network)
        for graph in graphs:
            if graph.learn(own) and (
                fitting := self._try(load, graph.filled(network, images), network, images)
            ):
                return fitting
        if fitting := self._try(load, own.filled(network, images), network, images):
            graphs.appendleft(own)
            return fitting
        compiled = load(export_model(network, images))
        self._require_same(compiled, network, images)
        return compiled

    def _try(
        self,
        load: Callable[[OnnxModel], Compiled],
        model: OnnxModel,
        network: nn.Module,
        images: torch.Tensor,
    ) -> Compiled | None:
        try:
            compiled = load(model)
            self._require_same(compiled, network, images)
        except Exception:  # each runtime raises its own errors for shapes that don't fit
            return None
        return compiled

    def _require_same(
        self, compiled: CompiledNetwork, network: nn.Module, images: torch.Tensor
    ) -> None:
        with torch.inference_mode():
            expected = network(images)
        got = compiled.logits(images)
        difference = _relative(got, expected)
        if not difference <= self._tolerance and not difference <= ROUNDINGS * _rounding(
            network, images
        ):
            raise ExportError(
                f"the exported network's logits must match the original's to {self._tolerance:g}, "
                f"but differ by {difference:g}; please report this with the network"
            )


def _relative(got: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest difference of a logit, relative to the largest logit."""
    return float((got - expected).abs().max() / expected.abs().max())


def _rounding(network: nn.Module, images: torch.Tensor) -> float:
    """How far the logits move if each weight is rounded to float32 by chance, up or down.

    Rounding within a layer is of the same kind, so this is what any runtime's order of adding
    may change. Computed in float64; 0 if the network can't be.
    """
    generator = torch.Generator().manual_seed(0)
    try:
        exact = copy.deepcopy(network).double()
        exact_images = images.double() if images.is_floating_point() else images
        with torch.inference_mode():
            expected = exact(exact_images)
            tensors = [each for each in exact.state_dict().values() if each.is_floating_point()]
            for each in tensors:
                signs = torch.randint(0, 2, each.shape, generator=generator) * 2 - 1
                each.mul_(1 + EPSILON * signs)
            return _relative(exact(exact_images), expected)
    except Exception:  # a network may hold tensors that don't move, and raise anything
        return 0.0
