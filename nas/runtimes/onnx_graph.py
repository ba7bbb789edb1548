"""Exports networks to ONNX. All subnets of a supernet share one graph, filled with their weights.

Exporting takes seconds, filling milliseconds: subnets differ only in the values and shapes of their
weights, the groups of their depthwise convolutions and their resolution. Each filled graph is run
to verify that it fits the network: see `nas.runtimes.graph_cache`.
"""

import contextlib
import copy
import io
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from nas.runtimes.attention import AttentionIn4D
from nas.runtimes.opset import EXPORTED, lowered

INPUT, OUTPUT = "images", "logits"
# Attributes that differ between subnets of one supernet. A difference in any other attribute, such
# as the stride, means a different architecture.
SIZES = {"in_channels", "out_channels", "in_features", "out_features", "num_features", "groups"}


@dataclass(frozen=True)
class OnnxModel:
    """A graph with its weights in separate arrays, so that nothing large is copied until saved."""

    graph: onnx.ModelProto
    weights: dict[str, NDArray[np.generic]]

    def self_contained(self) -> onnx.ModelProto:
        """The model with its weights embedded, to be written to a file."""
        model = onnx.ModelProto()
        model.CopyFrom(self.graph)
        for initializer in model.graph.initializer:
            if initializer.name in self.weights:
                array = self.weights[initializer.name]
                initializer.CopyFrom(onnx.numpy_helper.from_array(array, initializer.name))
        return model


def architecture(network: nn.Module) -> tuple[object, ...]:
    """Hashable key of an architecture: its layers and their settings, without the sizes.

    All subnets of one supernet have the same key.
    """
    return tuple(
        (name, type(module).__qualname__, *sorted(_settings(module)))
        for name, module in network.named_modules()
    )


def _settings(module: nn.Module) -> Iterator[tuple[str, str]]:
    if type(module).__module__.startswith("torch.nn"):
        for key, value in vars(module).items():
            if key not in SIZES and isinstance(value, int | float | str | tuple):
                yield key, repr(value)


def export_model(network: nn.Module, images: torch.Tensor) -> OnnxModel:
    """Export `network` with fixed shapes, embedded weights and the lowest opset; takes seconds."""
    try:
        program = _program(network, images)
    except torch.onnx.OnnxExporterError:
        with AttentionIn4D():  # not at first: it slows an export by a fifth
            program = _program(network, images)
    return OnnxModel(lowered(_without_metadata(program.model_proto)), {})


def _program(network: nn.Module, images: torch.Tensor) -> torch.onnx.ONNXProgram:
    with _silence():
        program = torch.onnx.export(
            network,
            (images,),
            dynamo=True,
            verbose=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=EXPORTED,
        )
    assert program is not None
    return program


def export_graph(network: nn.Module, images: torch.Tensor) -> onnx.ModelProto:
    """Export the graph of `network` without weights, for `fill_graph`. Takes seconds.

    Initializers are named after the parameters and buffers whose values they need.
    """
    distinct = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(0)
    state = _tensors(distinct)
    for tensor in state.values():
        # The exporter merges equal tensors (the zero biases of a new network): make all distinct.
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    graph = export_model(distinct, images).graph
    for initializer in graph.graph.initializer:
        if initializer.name in state:
            initializer.ClearField("raw_data")
            initializer.data_location = onnx.TensorProto.EXTERNAL
            initializer.external_data.add(key="location", value="given when it is loaded")
    _flatten_any_size(graph.graph)
    return graph


def fill_graph(graph: onnx.ModelProto, network: nn.Module, images: torch.Tensor) -> OnnxModel:
    """Copy of `graph` with the weights, convolution groups and image size of `network`.

    `network` has the architecture that `graph` was exported from; the weights share its memory.
    """
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    state = _tensors(network)
    weights: dict[str, NDArray[np.generic]] = {}
    for initializer in model.graph.initializer:
        if initializer.data_location == onnx.TensorProto.EXTERNAL:
            weights[initializer.name] = state[initializer.name].contiguous().numpy()
            initializer.dims[:] = weights[initializer.name].shape
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[1] in weights:
            _set_group(node, network.get_submodule(node.input[1].rpartition(".")[0]))
    dims = model.graph.input[0].type.tensor_type.shape.dim
    for dim, size in zip(dims, images.shape, strict=True):
        dim.dim_value = size
    return OnnxModel(model, weights)


def _tensors(network: nn.Module) -> dict[str, torch.Tensor]:
    """The state dict without what is no tensor, which `get_extra_state` may return."""
    state = network.state_dict()
    return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}


def _set_group(node: onnx.NodeProto, layer: nn.Module) -> None:
    for attribute in node.attribute:
        if attribute.name == "group":
            attribute.i = getattr(layer, "groups", attribute.i)


def _flatten_any_size(graph: onnx.GraphProto) -> None:
    """Replace each Reshape to (batch, features) by a Flatten, which fits any number of features."""
    targets = {item.name: item for item in graph.initializer}
    batch = graph.input[0].type.tensor_type.shape.dim[0].dim_value
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[1] in targets:
            target = onnx.numpy_helper.to_array(targets[node.input[1]])
            if len(target) == 2 and target[0] == batch:
                flatten = onnx.helper.make_node("Flatten", node.input[:1], node.output, axis=1)
                node.CopyFrom(flatten)
    _drop_unused(graph, targets.keys())


def _drop_unused(graph: onnx.GraphProto, names: Collection[str]) -> None:
    """Remove those of the initializers `names` that no node reads: ONNX Runtime warns of them."""
    read = set(_names_read(graph))
    for item in [*graph.initializer]:
        if item.name in names and item.name not in read:
            graph.initializer.remove(item)


def _names_read(graph: onnx.GraphProto) -> Iterator[str]:
    """What the nodes read, and those of the graphs inside them."""
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _names_read(inner)


def _without_metadata(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove the exporter's metadata: sizes of the exported subnet and local paths."""
    graph = model.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
    graph.ClearField("value_info")
    return model


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suppress the exporter's progress output and its warnings about its own deprecated parts."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
