"""ElasticGraph: one ONNX graph that all subnets of a supernet share, filled with their weights.

Exporting takes seconds, filling milliseconds: subnets differ only in the values and shapes of their
weights, the groups of their depthwise convolutions and their resolution. What else an exported
graph knows of sizes, such as the target of a Reshape, is learnt by comparing two subnets' graphs:
each number that differs follows a size of some weight. A filled graph may not fit, so it is to be
run against the network: see `nas.runtimes.graph_cache`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.numpy_helper import from_array, to_array
from torch import Tensor, nn

from nas.runtimes.onnx_graph import OnnxModel, tensors_of

Integers = NDArray[np.int64]
Place = tuple[int, int]
"""A node's position in the graph, and that of an input of this node."""


@dataclass(frozen=True)
class _Size:
    """A number that is a multiple of a size of some weight."""

    weight: str
    axis: int
    ratio: Fraction

    def of(self, weights: Mapping[str, Tensor]) -> int:
        """The number for a subnet with those weights."""
        return int(self.ratio * weights[self.weight].shape[self.axis])


@dataclass(frozen=True)
class _Seen:
    """What one subnet's exported graph says of its sizes."""

    shapes: Mapping[str, tuple[int, ...]]
    """Of the weights, by name."""
    integers: Mapping[Place, Integers]
    """The constants of whole numbers, by where they are read."""


class ElasticGraph:
    """A graph without weights that becomes the model of any subnet of the supernet.

    Args:
        exported: from `export_graph(network, ...)`; it is changed and kept.
        network: the subnet that it was exported from.
    """

    def __init__(self, exported: onnx.ModelProto, network: nn.Module) -> None:
        _let_sizes_vary(exported.graph)
        self._graph = exported
        self._wiring = [*_wiring(exported.graph)]
        self._readers = dict(reversed([*_weights_read(exported.graph)]))
        shapes = {name: tuple(each.shape) for name, each in tensors_of(network).items()}
        self._seen = [_Seen(shapes, dict(_integers(exported.graph)))]
        self._followed: dict[Place, list[int | _Size]] = {}

    def learn(self, other: "ElasticGraph") -> bool:
        """Learn from another subnet's graph which numbers follow the sizes of weights.

        Returns whether it has the same nodes; if it hasn't, nothing is learnt.
        """
        if self._wiring != other._wiring:
            return False
        self._seen += other._seen
        for place, first in self._seen[0].integers.items():
            if any(not np.array_equal(first, seen.integers[place]) for seen in self._seen):
                self._followed[place] = [self._follow(place, at) for at in range(len(first))]
        return True

    def filled(self, network: nn.Module, images: Tensor) -> OnnxModel:
        """The model of `network` for images of that shape; the weights share its memory."""
        model = onnx.ModelProto()
        model.CopyFrom(self._graph)
        graph, state = model.graph, tensors_of(network)
        weights: dict[str, NDArray[np.generic]] = {}
        for initializer in graph.initializer:
            if _is_weight(initializer):
                weights[initializer.name] = state[initializer.name].contiguous().numpy()
                initializer.dims[:] = weights[initializer.name].shape
        for node in graph.node:
            if node.op_type == "Conv" and node.input[1] in weights:
                _set_group(node, network.get_submodule(node.input[1].rpartition(".")[0]))
        for (index, at), sizes in self._followed.items():
            node, numbers = graph.node[index], [_number(size, state) for size in sizes]
            node.input[at] = f"{node.output[0]}.{at}"
            graph.initializer.append(from_array(np.array(numbers, np.int64), node.input[at]))
        if self._followed:
            _drop_unused(graph)
        dims = graph.input[0].type.tensor_type.shape.dim
        for dim, size in zip(dims, images.shape, strict=True):
            dim.dim_value = size
        return OnnxModel(model, weights)

    def _follow(self, place: Place, at: int) -> int | _Size:
        """Which size that number is in all graphs seen: the nearest weight's of those that fit."""
        numbers = [int(seen.integers[place][at]) for seen in self._seen]
        if len({*numbers}) > 1:
            for weight in sorted(
                self._readers, key=lambda name: abs(self._readers[name] - place[0])
            ):
                shapes = [seen.shapes[weight] for seen in self._seen]
                for axis, sizes in enumerate(zip(*shapes, strict=True)):
                    ratios = {Fraction(*each) for each in zip(numbers, sizes, strict=True)}
                    if len(ratios) == 1:
                        return _Size(weight, axis, ratios.pop())
        return numbers[-1]


def _number(size: int | _Size, weights: Mapping[str, Tensor]) -> int:
    return size.of(weights) if isinstance(size, _Size) else size


def _is_weight(initializer: onnx.TensorProto) -> bool:
    return bool(initializer.data_location == onnx.TensorProto.EXTERNAL)


def _is_integers(initializer: onnx.TensorProto) -> bool:
    return initializer.data_type == onnx.TensorProto.INT64 and len(initializer.dims) == 1


def _integers(graph: onnx.GraphProto) -> Iterator[tuple[Place, Integers]]:
    known = {item.name: to_array(item) for item in graph.initializer if _is_integers(item)}
    for index, node in enumerate(graph.node):
        for at, name in enumerate(node.input):
            if name in known:
                yield (index, at), known[name]


def _weights_read(graph: onnx.GraphProto) -> Iterator[tuple[str, int]]:
    """Each weight, with the position of each node that reads it."""
    weights = {item.name for item in graph.initializer if _is_weight(item)}
    for index, node in enumerate(graph.node):
        yield from ((name, index) for name in node.input if name in weights)


def _wiring(graph: onnx.GraphProto) -> Iterator[tuple[object, ...]]:
    """All that the nodes are and read, but for sizes and for the names of what they compute."""
    known: dict[str, object] = {}
    for item in graph.initializer:
        is_size = not _is_weight(item) and _is_integers(item)
        known[item.name] = (
            tuple(item.dims)
            if is_size
            else item.name
            if _is_weight(item)
            else (to_array(item).tobytes())
        )
    for index, node in enumerate(graph.node):
        attributes = (
            each.SerializeToString()
            for each in node.attribute
            if (node.op_type, each.name) != ("Conv", "group")
        )
        inputs = (known.get(name, name) for name in node.input)
        yield node.domain, node.op_type, *inputs, *attributes
        known |= {name: (index, at) for at, name in enumerate(node.output)}


def _set_group(node: onnx.NodeProto, layer: nn.Module) -> None:
    for attribute in node.attribute:
        if attribute.name == "group":
            attribute.i = getattr(layer, "groups", attribute.i)


def _let_sizes_vary(graph: onnx.GraphProto) -> None:
    """Replace nodes that hold for one size only by such as fit any, or can be made to."""
    constants = {item.name: item for item in graph.initializer if not _is_weight(item)}
    batch = graph.input[0].type.tensor_type.shape.dim[0].dim_value
    flat: dict[str, str] = {}
    for node in graph.node:
        given = to_array(constants[node.input[1]]) if _reads(node, constants) else None
        if given is None:
            continue
        if node.op_type == "Reshape" and len(given) == 2 and given[0] == batch:
            _become(node, "Flatten", node.input[:1], axis=1)
        elif node.op_type == "Reshape" and given.tolist() == [-1]:
            flat[node.output[0]] = node.input[0]
        elif node.op_type == "Gather" and node.input[0] in flat and _counts_up(given):
            # What PyTorch does after an average pooling of images in channels-last order.
            shape = from_array(np.array(given.shape, np.int64), f"{node.output[0]}.shape")
            graph.initializer.append(shape)
            _become(node, "Reshape", [flat[node.input[0]], shape.name])
    _drop_unused(graph)


def _reads(node: onnx.NodeProto, constants: Collection[str]) -> bool:
    return len(node.input) > 1 and node.input[1] in constants


def _counts_up(given: NDArray[np.generic]) -> bool:
    return bool(np.array_equal(given.ravel(), np.arange(given.size)))


def _become(node: onnx.NodeProto, operator: str, inputs: Sequence[str], **attributes: Any) -> None:
    node.CopyFrom(onnx.helper.make_node(operator, inputs, node.output, node.name, **attributes))


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Remove nodes and initializers that nothing reads: ONNX Runtime warns of them."""
    read = {item.name for item in graph.output} | {*_names_read(graph)}
    for node in reversed([*graph.node]):
        if not read.intersection(node.output):
            graph.node.remove(node)
            read = {item.name for item in graph.output} | {*_names_read(graph)}
    for item in [*graph.initializer]:
        if item.name not in read:
            graph.initializer.remove(item)


def _names_read(graph: onnx.GraphProto) -> Iterator[str]:
    """What the nodes read, and those of the graphs inside them."""
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _names_read(inner)
