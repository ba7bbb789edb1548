"""Graphs that were exported already, refilled for each network and checked against it."""

from collections import deque
from collections.abc import Callable
from typing import TypeVar

import onnx
import torch
from torch import nn

from nas.errors import ExportError
from nas.runtimes.onnx_graph import OnnxModel, architecture, export_graph, export_model, fill_graph
from nas.runtimes.runtime import CompiledNetwork

Compiled = TypeVar("Compiled", bound=CompiledNetwork)

# Largest difference of a logit, relative to the largest. In float32 rounding gives about 1e-6, with
# fewer digits what they add up to over all layers.
TOLERANCES = {"float32": 1e-4, "float16": 0.02, "bfloat16": 0.1}
# A network whose shapes are fixed in its graph needs one a resolution; older ones are forgotten.
GRAPHS_PER_ARCHITECTURE = 8


class GraphCache:
    """Exports each architecture once; gives its subnets graphs that were seen to compute them.

    `dtype` is what the runtime computes in.
    """

    def __init__(self, dtype: str = "float32") -> None:
        self._tolerance = TOLERANCES[dtype]
        self._graphs: dict[tuple[object, ...], deque[onnx.ModelProto]] = {}

    def compile(
        self, network: nn.Module, images: torch.Tensor, load: Callable[[OnnxModel], Compiled]
    ) -> Compiled:
        """`load(model)` for a model whose logits on `images` are those of `network`.

        `network` is in evaluation mode with BN folded, on the CPU. `load` may raise on a graph
        whose shapes don't fit: then the network is exported anew, which takes seconds.

        Raises:
            ExportError: even a graph exported from this very network computes something else.
        """
        key = architecture(network)
        graphs = self._graphs.setdefault(key, deque(maxlen=GRAPHS_PER_ARCHITECTURE))
        for graph in graphs:
            if fitting := self._try(load, fill_graph(graph, network, images), network, images):
                return fitting
        graph = export_graph(network, images)
        if fitting := self._try(load, fill_graph(graph, network, images), network, images):
            graphs.appendleft(graph)
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
        except Exception:  # each runtime has its own for shapes that don't fit
            return None
        return compiled

    def _require_same(
        self, compiled: CompiledNetwork, network: nn.Module, images: torch.Tensor
    ) -> None:
        with torch.inference_mode():
            expected = network(images)
        got = compiled.logits(images)
        difference = float((got - expected).abs().max() / expected.abs().max())
        if not difference <= self._tolerance:
            raise ExportError(
                f"the exported network's logits must be the network's own to {self._tolerance:g}, "
                f"but differ by {difference:g}; please report this with the network"
            )
