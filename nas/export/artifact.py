"""Writes the ONNX file of one subnet, and verifies it against the subnet."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from nas.errors import ExportError
from nas.runtimes.onnx_graph import OnnxModel
from nas.runtimes.onnxruntime import OnnxNetwork
from nas.runtimes.opset import in_opset
from planner import Artifact
from planner.atomic import write_atomically

MIN_AGREEMENT = 0.999
"""Minimum share of images for which the file and the subnet must predict the same class."""


def write_artifact(
    model: OnnxModel,
    path: Path,
    network: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    *,
    batch_size: int,
    metadata: Mapping[str, str],
    opset: int | None = None,
) -> Artifact:
    """Write `model` to `path`, load the file and compare its outputs with `network` on `batches`.

    Args:
        model: as it was timed and scored.
        path: the file to write.
        network: what the model was exported from, on the CPU.
        batches: (images, labels).
        batch_size: images that the file accepts at a time.
        metadata: what the file says about itself.
        opset: the opset to convert the model to; None keeps its own, the lowest that it needs.

    Raises:
        ExportError: the file predicts other classes than the subnet; it is then removed. Or it
            can't be written in `opset`.
    """
    whole = model.self_contained()
    if opset is not None:
        whole = in_opset(whole, opset)
    onnx.helper.set_model_props(whole, dict(metadata))
    content = whole.SerializeToString()
    write_atomically(path, content)
    difference, agreement = _compare(path, network, batches, batch_size)
    if agreement < MIN_AGREEMENT:
        path.unlink()
        raise ExportError(
            f"{path.name} must predict the same class as its subnet for {MIN_AGREEMENT:.1%} of the "
            f"images, but does for {agreement:.1%}; please report this with the network"
        )
    return Artifact(
        file=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        max_abs_difference=difference,
    )


@torch.inference_mode()
def _compare(
    path: Path, network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], batch_size: int
) -> tuple[float, float]:
    """Maximum absolute difference of a logit, and the share of images with the same prediction."""
    loaded = None
    difference, num_images, num_same = 0.0, 0, 0
    for images, _ in batches:
        if loaded is None:
            example = images[:1].expand(batch_size, *images.shape[1:]).contiguous()
            loaded = OnnxNetwork(OnnxModel(onnx.load(path), {}), example, "cpu", 1)
        expected, got = network(images), loaded.logits(images)
        difference = max(difference, float((got - expected).abs().max()))
        num_same += int((got.argmax(1) == expected.argmax(1)).sum())
        num_images += len(images)
    return difference, num_same / max(num_images, 1)
