"""ElasticGraph: one ONNX graph that all subnets of a supernet share, filled with their weights.

Exporting takes seconds, filling milliseconds: subnets differ only in the values and shapes of their
weights, the groups of their depthwise convolutions and their resolution. What else an exported
graph knows of sizes, such as the target of a Reshape, is learnt by comparing two subnets' graphs:
each number that differs follows a size of some weight. A filled graph may not fit, so it is to be
run against the network: see `nas.runtimes.graph_cache`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.numpy_helper import from_array, to_array
from torch import Tensor, nn

from nas.runtimes.onnx_graph import OnnxModel, tensors_of

Numbers = NDArray[np.int64 | np.float32]
Place = tuple[int, int]
"""A node's position in the graph, and that of an input of this node."""

POWERS = (-0.5, -0.25, -1.0, 1.0, 0.5, 0.25)
"""Of a size that a fraction may be; attention divides by the root of a head's size."""
TOLERANCE = 1e-6
"""Relative, of a number that was rounded to float32."""


@dataclass(frozen=True)
class _Size:
    """A number that follows a size of some weight: `factor` times a power of it."""

    weight: str
    axis: int
    power: float
    factor: float

    def of(self, weights: Mapping[str, Tensor]) -> float:
        """The number for a subnet with those weights."""
        return float(self.factor * weights[self.weight].shape[self.axis] ** self.power)


@dataclass(frozen=True)
class _Seen:
    """What one subnet's exported graph says of its sizes."""

    shapes: Mapping[str, tuple[int, ...]]
    """Of the weights, by name."""
    numbers: Mapping[Place, Numbers]
    """Constants that may depend on them, by where they are read."""


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
        self._seen = [_Seen(shapes, dict(_numbers(exported.graph)))]
        self._followed: dict[Place, list[float | _Size]] = {}

    def learn(self, other: "ElasticGraph") -> bool:
        """Learn from another subnet's graph which numbers follow the sizes of weights.

        Returns whether the two do the same; if they don't, or if a number that differs follows no
        size, nothing is learnt.
        """
        if self._wiring != other._wiring:
            return False
        seen = [*self._seen, *other._seen]
        followed: dict[Place, list[float | _Size]] = {}
        for place, first in self._seen[0].numbers.items():
            if any(not np.array_equal(first, each.numbers[place]) for each in seen):
                found = [self._followed_by(place, at, seen) for at in range(first.size)]
                if None in found:
                    return False
                followed[place] = [each for each in found if each is not None]
        self._seen, self._followed = seen, followed
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
            node, as_exported = graph.node[index], self._seen[0].numbers[index, at]
            found = [each.of(state) if isinstance(each, _Size) else each for each in sizes]
            if as_exported.dtype == np.int64:
                found = [*map(round, found)]
            node.input[at] = f"{node.output[0]}.{at}"
            values = np.array(found, as_exported.dtype).reshape(as_exported.shape)
            graph.initializer.append(from_array(values, node.input[at]))
        if self._followed:
            _drop_unused(graph)
        dims = graph.input[0].type.tensor_type.shape.dim
        for dim, size in zip(dims, images.shape, strict=True):
            dim.dim_value = size
        return OnnxModel(model, weights)

    def _followed_by(self, place: Place, at: int, seen: list[_Seen]) -> float | _Size | None:
        """What that number follows in all graphs seen: itself, or the nearest weight's size."""
        values = [each.numbers[place].flat[at] for each in seen]
        if len({*values}) == 1:
            return values[0].item()
        powers = (1,) if isinstance(values[0], np.integer) else POWERS
        nearest = sorted(self._readers, key=lambda name: abs(self._readers[name] - place[0]))
        for weight in nearest:
            shapes = [each.shapes[weight] for each in seen]
            for axis, sizes in enumerate(zip(*shapes, strict=True)):
                for power in powers if min(sizes) else ():
                    factors = [v / size**power for v, size in zip(values, sizes, strict=True)]
                    if np.allclose(factors, factors[0], rtol=TOLERANCE, atol=0):
                        return _Size(weight, axis, power, float(factors[0]))
        return None


def _is_weight(initializer: onnx.TensorProto) -> bool:
    return bool(initializer.data_location == onnx.TensorProto.EXTERNAL)


def _is_number(initializer: onnx.TensorProto) -> bool:
    """Whether it holds sizes, or a single number that may come of one, as attention's scale."""
    if initializer.data_type == onnx.TensorProto.INT64:
        return len(initializer.dims) == 1
    is_float = initializer.data_type == onnx.TensorProto.FLOAT
    return is_float and all(dim == 1 for dim in initializer.dims)


def _numbers(graph: onnx.GraphProto) -> Iterator[tuple[Place, Numbers]]:
    constants = [item for item in graph.initializer if not _is_weight(item)]
    known = {item.name: to_array(item) for item in constants if _is_number(item)}
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
    known = {item.name: _described(item) for item in graph.initializer}
    for index, node in enumerate(graph.node):
        attributes = (
            each.SerializeToString()
            for each in node.attribute
            if (node.op_type, each.name) != ("Conv", "group")
        )
        inputs = (known.get(name, name) for name in node.input)
        yield node.domain, node.op_type, *inputs, *attributes
        known |= {name: (index, at) for at, name in enumerate(node.output)}


def _described(item: onnx.TensorProto) -> object:
    if _is_weight(item):
        return item.name
    return tuple(item.dims) if _is_number(item) else to_array(item).tobytes()


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
