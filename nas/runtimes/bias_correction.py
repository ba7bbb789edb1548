"""Bias correction of a quantised model: biases take up the mean of what rounded weights change.

A rounded weight differs from the exact one; times the mean of what the layer reads, the difference
is a shift of each output channel, the same for all images, which the bias can undo (Nagel et al.
2019, arXiv:1906.04721, section 4.2). It matters for depthwise convolutions, whose channels have
few weights over which the differences could cancel.
"""

from collections import Counter
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from nas.runtimes.onnx_graph import INPUT, OnnxModel
from nas.runtimes.padding import padded_batches

Array = NDArray[np.float32]


def correct_biases(quantised: onnx.ModelProto, model: OnnxModel, images: torch.Tensor) -> None:
    """Change the biases of the quantised convolutions of `quantised`, which was made of `model`.

    The means are those of `images`, as the float model sees them. Convolutions without a bias, or
    with one that they share, stay as they are.
    """
    graph, whole = quantised.graph, model.self_contained()
    makers = {node.output[0]: node for node in graph.node}
    items = {item.name: item for item in graph.initializer}
    num_readers = Counter(name for node in graph.node for name in node.input)
    exact = {item.name: item for item in whole.graph.initializer}
    float_nodes = {node.name: node for node in whole.graph.node}
    changed = []
    for node in graph.node:
        rounded = [makers.get(name) for name in node.input[1:]]
        if (
            node.op_type == "Conv"
            and len(rounded) == 2
            and all(one is not None and one.input[0] in items for one in rounded)
            and num_readers[node.input[2]] == 1
        ):
            changed.append((float_nodes[node.name], rounded))
    means = _channel_means(whole, sorted({node.input[0] for node, _ in changed}), images)
    for node, (of_weight, of_bias) in changed:
        assert of_weight is not None
        assert of_bias is not None
        lost = _array(exact[node.input[1]]) - _dequantised(of_weight, items)
        shift = _mean_output(lost, means[node.input[0]], node)
        bias = items[of_bias.input[0]]
        steps = np.rint(shift / _array(items[of_bias.input[1]])).astype(np.int32)
        bias.CopyFrom(onnx.numpy_helper.from_array(_array(bias) + steps, bias.name))


def _array(item: onnx.TensorProto) -> NDArray[Any]:
    found: NDArray[Any] = onnx.numpy_helper.to_array(item)
    return found


def _dequantised(node: onnx.NodeProto, items: dict[str, onnx.TensorProto]) -> Array:
    """The weights that a DequantizeLinear gives, from int8 with zero point 0."""
    values, scale = (_array(items[name]) for name in node.input[:2])
    found: Array = values * scale.reshape(-1, *[1] * (values.ndim - 1))
    return found


def _mean_output(weight: Array, mean: Array, node: onnx.NodeProto) -> Array:
    """(outputs,) of a convolution (outputs, inputs / groups, *sides) for images of one colour."""
    groups = next((each.i for each in node.attribute if each.name == "group"), 1)
    by_input = weight.reshape(*weight.shape[:2], -1).sum(axis=2)
    read = mean.reshape(groups, -1).repeat(len(weight) // groups, axis=0)
    found: Array = (by_input * read).sum(axis=1)
    return found


def _channel_means(
    model: onnx.ModelProto, names: list[str], images: torch.Tensor
) -> dict[str, Array]:
    """Means (channels,) of activations (n, channels, *sides) over all images and places."""
    pooled = {f"mean of {name}": name for name in names}
    for mean, name in pooled.items():
        model.graph.node.append(onnx.helper.make_node("GlobalAveragePool", [name], [mean]))
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(mean))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    totals = {name: np.float32(0) for name in names}
    batch_size = model.graph.input[0].type.tensor_type.shape.dim[0].dim_value
    batches = padded_batches(images, batch_size)
    for batch in batches if names else ():
        found = session.run(list(pooled), {INPUT: batch.numpy()})
        for name, value in zip(names, found, strict=True):
            totals[name] = totals[name] + value.reshape(batch_size, -1).mean(0) / len(batches)
    return totals  # type: ignore[return-value]
