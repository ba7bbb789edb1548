"""Writes the ONNX file of one subnet, and verifies it against the subnet."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
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
"""Minimum share of images for which a float file and the subnet must predict the same class."""
MAX_TOP1_DIFFERENCE = 0.02
"""Maximum difference of an int8 file's top1 in ONNX Runtime from the one that its table says. In
another runtime, or another version of it, a few images' answers differ by rounding."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How the answers of a file and of its float subnet compare, on the same images."""

    max_abs_difference: float
    """Of a logit."""
    agreement: float
    """Share of images for which both predict the same class."""
    top1: float
    """Of the file."""
    top1_difference: float
    """top1 of the file less that of the subnet."""


def write_artifact(
    model: OnnxModel,
    path: Path,
    network: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    *,
    batch_size: int,
    metadata: Mapping[str, str],
    opset: int | None = None,
    int8_top1: float | None = None,
) -> Artifact:
    """Compare the outputs of `model` with those of `network` on `batches`, and write it to `path`.

    Args:
        model: as it was timed and scored.
        path: the file to write.
        network: what the model was exported from, on the CPU.
        batches: (images, labels).
        batch_size: images that the file accepts at a time.
        metadata: what the file says about itself; how it compares is added.
        opset: the opset to convert the model to; None keeps its own, the lowest that it needs.
        int8_top1: what the table says of an int8 model's top1 on these images. Such a model may
            predict other classes than the subnet, but must be as accurate as it is said to be.

    Raises:
        ExportError: the model does not compute what the subnet or the table says, or can't be
            written in `opset`. Nothing is written then.
    """
    whole = model.self_contained()
    if opset is not None:
        whole = in_opset(whole, opset)
    found = _compared(whole, network, batches, batch_size)
    _require_as_said(path.name, found, int8_top1)
    compared = {name: json.dumps(getattr(found, name)) for name in ("agreement", "top1_difference")}
    onnx.helper.set_model_props(whole, {**metadata, **compared})
    content = whole.SerializeToString()
    write_atomically(path, content)
    return Artifact(
        file=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        max_abs_difference=found.max_abs_difference,
        agreement=found.agreement,
        top1_difference=found.top1_difference,
    )


def _require_as_said(file: str, found: Comparison, int8_top1: float | None) -> None:
    if int8_top1 is None:
        if found.agreement < MIN_AGREEMENT:
            raise ExportError(
                f"{file} must predict the same class as its subnet for {MIN_AGREEMENT:.1%} of the "
                f"images, but does for {found.agreement:.1%}; please report this with the network"
            )
    elif abs(found.top1 - int8_top1) > MAX_TOP1_DIFFERENCE:
        raise ExportError(
            f"{file} must be as accurate as its table says, {int8_top1:.2%}, but is "
            f"{found.top1:.2%} on this machine; search or measure again"
        )


@torch.inference_mode()
def _compared(
    model: onnx.ModelProto,
    network: Callable[[Tensor], Tensor],
    batches: Iterable[tuple[Tensor, Tensor]],
    batch_size: int,
) -> Comparison:
    """Run both on all images, the model in ONNX Runtime."""
    loaded = None
    difference, num_images, num_same, num_correct, num_expected = 0.0, 0, 0, 0, 0
    for images, labels in batches:
        if loaded is None:
            example = images[:1].expand(batch_size, *images.shape[1:]).contiguous()
            loaded = OnnxNetwork(OnnxModel(model, {}), example, "cpu", 1)
        expected, got = network(images), loaded.logits(images)
        difference = max(difference, float((got - expected).abs().max()))
        num_same += int((got.argmax(1) == expected.argmax(1)).sum())
        num_correct += int((got.argmax(1) == labels).sum())
        num_expected += int((expected.argmax(1) == labels).sum())
        num_images += len(images)
    return Comparison(
        max_abs_difference=difference,
        agreement=num_same / max(num_images, 1),
        top1=num_correct / max(num_images, 1),
        top1_difference=(num_correct - num_expected) / max(num_images, 1),
    )
