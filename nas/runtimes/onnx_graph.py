"""A network as an ONNX graph. All subnets of a supernet share one: exported once, then refilled.

Exporting takes seconds, refilling milliseconds: a subnet differs from its siblings only in the
values and shapes of its weights, the groups of its depthwise convolutions and its resolution.
Whether a graph really fits a network is not argued but run: see `nas.runtimes.graph_cache`.
"""

import contextlib
import copy
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

INPUT, OUTPUT = "images", "logits"
# What subnets of one supernet differ in; another stride, say, makes another architecture.
SIZES = {"in_channels", "out_channels", "in_features", "out_features", "num_features", "groups"}


@dataclass(frozen=True)
class OnnxModel:
    """A graph whose weights lie beside it, in arrays: nothing large is copied until it is saved."""

    graph: onnx.ModelProto
    weights: dict[str, NDArray[np.generic]]

    def self_contained(self) -> onnx.ModelProto:
        """The model with its weights inside, as it is written to a file."""
        model = onnx.ModelProto()
        model.CopyFrom(self.graph)
        for initializer in model.graph.initializer:
            if initializer.name in self.weights:
                array = self.weights[initializer.name]
                initializer.CopyFrom(onnx.numpy_helper.from_array(array, initializer.name))
        return model


def architecture(network: nn.Module) -> tuple[object, ...]:
    """What all subnets of one supernet have in common: their layers but for the sizes."""
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
    """`network` with fixed shapes and its own weights, all inside the graph. Takes seconds."""
    with _silence():
        program = torch.onnx.export(
            network,
            (images,),
            dynamo=True,
            verbose=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
        )
    assert program is not None
    return OnnxModel(_without_metadata(program.model_proto), {})


def export_graph(network: nn.Module, images: torch.Tensor) -> onnx.ModelProto:
    """Graph of `network` that waits for the weights of any of its siblings. Takes seconds.

    Its initializers keep the names of the parameters and buffers that they stand for.
    """
    distinct = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(0)
    state = distinct.state_dict()
    for tensor in state.values():
        # The exporter merges equal tensors (the zero biases of a new network): let no two be equal.
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
    """`graph` with the weights, group counts and image size of `network`, a sibling of its origin.

    The weights share memory with `network`. `graph` is not changed.
    """
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    state = network.state_dict()
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


def _set_group(node: onnx.NodeProto, layer: nn.Module) -> None:
    for attribute in node.attribute:
        if attribute.name == "group":
            attribute.i = getattr(layer, "groups", attribute.i)


def _flatten_any_size(graph: onnx.GraphProto) -> None:
    """Turn each reshape to (batch, features) into a flatten, which fits any number of features."""
    targets = {item.name: item for item in graph.initializer}
    batch = graph.input[0].type.tensor_type.shape.dim[0].dim_value
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[1] in targets:
            target = onnx.numpy_helper.to_array(targets[node.input[1]])
            if len(target) == 2 and target[0] == batch:
                flatten = onnx.helper.make_node("Flatten", node.input[:1], node.output, axis=1)
                node.CopyFrom(flatten)


def _without_metadata(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` without the exporter's notes: sizes of the one subnet it saw, and local paths."""
    graph = model.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
    graph.ClearField("value_info")
    return model


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """The exporter prints its progress and warns about its own deprecated parts."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
