"""Exports networks to ONNX, with their weights or without; that takes seconds."""

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

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
SIZES = {
    *("in_channels", "out_channels", "in_features", "out_features", "groups"),
    *("num_features", "num_channels", "num_groups", "normalized_shape"),
}


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
        return _simplified(model)


def _simplified(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with what its weights alone determine computed once, such as transposed weights."""
    known = {"", *(item.name for item in model.graph.initializer)}
    if not any(node.input and known.issuperset(node.input) for node in model.graph.node):
        return model
    # Imported here since they take half a second, and most networks need neither.
    import onnx_ir
    import onnx_ir.passes.common as passes
    import onnxscript.optimizer

    simplified = onnx_ir.from_proto(model)
    any_size = sys.maxsize
    onnxscript.optimizer.fold_constants(
        simplified,
        onnx_shape_inference=False,
        input_size_limit=any_size,
        output_size_limit=any_size,
    )
    passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(simplified)
    passes.RemoveUnusedNodesPass()(simplified)
    return _without_metadata(onnx_ir.to_proto(simplified))


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
    return OnnxModel(_export(network, (images,), [INPUT]), {})


def _export(
    network: nn.Module, inputs: tuple[torch.Tensor, ...], names: list[str]
) -> onnx.ModelProto:
    try:
        program = _program(network, inputs, names)
    except torch.onnx.OnnxExporterError:
        with AttentionIn4D():  # not at first: it slows an export by a fifth
            program = _program(network, inputs, names)
    return lowered(_without_metadata(program.model_proto))


def _program(
    network: nn.Module, inputs: tuple[torch.Tensor, ...], names: list[str]
) -> torch.onnx.ONNXProgram:
    with _silence():
        program = torch.onnx.export(
            network,
            inputs,
            dynamo=True,
            verbose=False,
            input_names=names,
            output_names=[OUTPUT],
            opset_version=EXPORTED,
        )
    assert program is not None
    return program


class _WithWeights(nn.Module):
    """`network` as a function of its weights too: what is given to it can't be folded away."""

    def __init__(self, network: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, images: torch.Tensor, *weights: torch.Tensor) -> Any:
        given = dict(zip(self.names, weights, strict=True))
        return torch.func.functional_call(self.network, given, (images,))


def export_graph(network: nn.Module, images: torch.Tensor) -> onnx.ModelProto:
    """Export the graph of `network` without weights, for an `ElasticGraph`. Takes seconds.

    Initializers are named after the parameters and buffers whose values they need. They are inputs
    while the exporter simplifies the graph, so that it computes nothing from their values: a
    transposed weight or a scale that is added to another would hold for this network only.
    """
    state = tensors_of(network)
    exported = _export(_WithWeights(network, [*state]), (images, *state.values()), [INPUT, *state])
    graph = exported.graph
    for given in [*graph.input][1:]:
        graph.input.remove(given)
        weight = graph.initializer.add(name=given.name, data_type=given.type.tensor_type.elem_type)
        weight.data_location = onnx.TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="given when it is loaded")
    return exported


def tensors_of(network: nn.Module) -> dict[str, torch.Tensor]:
    """The tensors of the state dict; one that several layers share has its first name."""
    # With variables: otherwise each name has a tensor of its own.
    state = network.state_dict(keep_vars=True).items()
    tensors = [(name, value) for name, value in state if isinstance(value, torch.Tensor)]
    first = {id(value): name for name, value in reversed(tensors)}
    return {name: value.detach() for name, value in tensors if first[id(value)] == name}


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
