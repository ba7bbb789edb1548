"""Networks of a few kilobytes as a table's artifacts, for sessions that are simulated."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from planner import Artifact, Entry
from planner.artifacts import sha256_of


def write_network(
    path: Path,
    width: int,
    side: int,
    *,
    num_classes: int = 4,
    batch_size: int | str = 1,
    seed: int | None = None,
) -> None:
    """Mean over the pixels, then two linear layers with 7 * width weights, drawn from the seed."""
    generator = np.random.default_rng(width if seed is None else seed)
    first = generator.standard_normal((3, width)).astype(np.float32)
    second = generator.standard_normal((width, num_classes)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
            helper.make_node("MatMul", ["mean", "first"], ["hidden"]),
            helper.make_node("Relu", ["hidden"], ["active"]),
            helper.make_node("MatMul", ["active", "second"], ["logits"]),
        ],
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch_size, 3, side, side])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch_size, num_classes])],
        [
            helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
            helper.make_tensor("first", TensorProto.FLOAT, first.shape, first.tobytes(), raw=True),
            helper.make_tensor(
                "second", TensorProto.FLOAT, second.shape, second.tobytes(), raw=True
            ),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def with_artifacts(
    entries: Sequence[Entry], folder: Path, widths: Sequence[int], *, batch_size: int | str = 1
) -> tuple[Entry, ...]:
    """Write a network of the given width for each entry, and return the entries that name them."""
    made = []
    for entry, width in zip(entries, widths, strict=True):
        path = folder / f"{entry.config_id}.onnx"
        write_network(path, width, entry.config.resolution, batch_size=batch_size)
        artifact = Artifact(
            file=path.name,
            sha256=sha256_of(path),
            size_bytes=path.stat().st_size,
            max_abs_difference=0.0,
        )
        made.append(replace(entry, artifact=artifact))
    return tuple(made)
