"""Quantises an ONNX model to int8: statically, as QDQ, by `onnxruntime.quantization`.

Weights become int8 with a scale for each channel, activations uint8 with one range for each tensor,
learnt from images. ONNX Runtime and OpenVINO replace the QDQ pairs by integer kernels when they
load the model. What takes pixels and normalises them stays in float, and so does the rest of what
has no integer kernel.

Weights use 7 of the 8 bits. x86 CPUs without VNNI add pairs of products in 16 bits, which 8-bit
weights overflow: the embedded network then loses 7 points of top-1 on such a CPU and none on a
newer one. With 7 bits nothing overflows, so that a file is as accurate everywhere. The choices here
were measured by `benchmarks/latency/quantisation.py`: see docs/quantisation.md.
"""

import contextlib
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QDQQuantizer,
    QuantType,
    TensorsData,
    create_calibrator,
)
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

from nas.errors import ExportError, NasError
from nas.runtimes.bias_correction import correct_biases
from nas.runtimes.onnx_graph import INPUT, OnnxModel
from nas.runtimes.padding import padded_batches
from nas.runtimes.runtime import NUM_CALIBRATION_IMAGES

IN_FLOAT = {"BatchNormalization", "InstanceNormalization", "LayerNormalization", "Softmax"}
"""Operators without an integer kernel worth having: rounding their inputs costs accuracy only."""

OPERATORS = sorted({*QDQRegistry, *QLinearOpsRegistry} - IN_FLOAT)
"""The operators that are quantised."""

LAYERS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
"""The operators that have weights."""

IMAGES_AT_A_TIME = 10
"""Images whose activations are in memory at once, where ranges need more than their ends."""

METHODS = {
    "min_max": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}


@dataclass(frozen=True, kw_only=True)
class Quantisation:
    """How a model is quantised. The defaults are what the project ships."""

    ranges: str = "min_max"
    """What the range of an activation is learnt by, one of METHODS."""
    percentile: float = 99.999
    """Percentage of the values that are within the range, by "percentile"."""
    weight_bits: int = 7
    """7 or 8."""
    per_channel: bool = True
    """Whether each output channel has a scale of its own, rather than each layer."""
    corrects_biases: bool = True
    """Whether biases take up the mean of what rounding weights changes; see `correct_biases`."""
    ends_in_float: bool = True
    """Whether the first and the last layer are left in float. They are faster so: the first has few
    channels, the last one pixel, and the images needn't be rounded."""
    nodes_in_float: frozenset[str] = frozenset()
    """Names of further nodes of the graph that are left in float."""

    def __str__(self) -> str:
        each = "channel" if self.per_channel else "layer"
        return (
            f"static QDQ, int8 weights of {self.weight_bits} bits per {each}, uint8 activations, "
            f"ranges by {self.ranges.replace('_', '-')} of at most {NUM_CALIBRATION_IMAGES} images"
            + (", biases corrected" if self.corrects_biases else "")
            + (", first and last layer in float" if self.ends_in_float else "")
        )


SHIPPED = Quantisation()


def details_of(dtype: str) -> dict[str, str]:
    """What a target's details say of how networks are quantised; nothing unless they are int8."""
    return {"quantisation": str(SHIPPED)} if dtype == "int8" else {}


def quantised(
    model: OnnxModel, images: torch.Tensor | None, way: Quantisation = SHIPPED
) -> OnnxModel:
    """An int8 model that computes nearly the same as `model`; equal for equal arguments.

    `images` are what the model takes, any number. They should represent the data; the model is
    right for what lies within the ranges of their activations.

    Raises NasError if there are no images, and ExportError if the library can't quantise the model.
    """
    if images is None or not len(images):
        raise NasError("int8 needs images to calibrate with, but got none: pass `calibration`")
    try:
        found = with_ranges(model, ranges_of(model, images, way), way)
        if way.corrects_biases:
            correct_biases(found.graph, model, images)
        return found
    except Exception as error:  # for a graph it doesn't know, the library raises anything
        raise ExportError(
            "the network must be one that onnxruntime.quantization can quantise, but got: "
            f"{' '.join(str(error).split())[:200]}; use --dtype float32"
        ) from error


def ranges_of(model: OnnxModel, images: torch.Tensor, way: Quantisation = SHIPPED) -> TensorsData:
    """The range of each activation, learnt of `images` by the library."""
    options: dict[str, Any] = {"symmetric": False}  # the library's default depends on the method
    if way.ranges == "percentile":
        options["percentile"] = way.percentile
    calibrator = calibrated(model, images, METHODS[way.ranges], options)
    with _silence():
        found: TensorsData = calibrator.compute_data()
    return found


def calibrated(
    model: OnnxModel,
    images: torch.Tensor,
    method: CalibrationMethod,
    options: dict[str, Any] | None = None,
) -> Any:
    """The library's calibrator, after it has seen `images`."""
    with tempfile.TemporaryDirectory() as folder, _silence():
        path = Path(folder) / "float.onnx"
        onnx.save(model.self_contained(), path)
        calibrator = create_calibrator(
            path,
            OPERATORS,
            augmented_model_path=str(Path(folder) / "augmented.onnx"),
            calibrate_method=method,
            extra_options=options or {},
        )
        batch_size = model.graph.graph.input[0].type.tensor_type.shape.dim[0].dim_value
        # Of ends few numbers are kept; to combine them after every few images takes a third longer.
        keeps_ends = method == CalibrationMethod.MinMax
        at_a_time = len(images) if keeps_ends else max(IMAGES_AT_A_TIME, batch_size)
        for some in images.split(at_a_time):
            calibrator.collect_data(_Batches(padded_batches(some, batch_size)))
    return calibrator


def with_ranges(model: OnnxModel, ranges: TensorsData, way: Quantisation = SHIPPED) -> OnnxModel:
    """The quantised model, with ranges that are known; biases are not corrected."""
    quantiser = QDQQuantizer(
        model.self_contained(),
        per_channel=way.per_channel,
        reduce_range=way.weight_bits == 7,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=ranges,
        nodes_to_quantize=[],
        nodes_to_exclude=sorted(
            way.nodes_in_float | (ends(model.graph.graph) if way.ends_in_float else set())
        ),
        op_types_to_quantize=OPERATORS,
        extra_options={},
    )
    found: onnx.ModelProto = quantiser.quantize_model()
    found.ClearField("metadata_props")
    found.graph.ClearField("value_info")
    return OnnxModel(found, {})


def ends(graph: onnx.GraphProto) -> set[str]:
    """Names of the layers that no other layer lies before, and of those that none lies behind."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    makers = {name: [node] for node in graph.node for name in node.output}
    first = _nearest([item.name for item in graph.input], readers, forwards=True)
    last = _nearest([item.name for item in graph.output], makers, forwards=False)
    return first | last


def _nearest(
    tensors: list[str], nodes: dict[str, list[onnx.NodeProto]], *, forwards: bool
) -> set[str]:
    """Names of the layers that are reached from `tensors` without passing a layer."""
    found, seen = set[str](), set[str]()
    while tensors:
        for node in nodes.get(tensors.pop(), ()):
            if node.op_type in LAYERS:
                found.add(node.name)
            elif node.output[0] not in seen:
                seen.add(node.output[0])
                tensors.extend(node.output if forwards else node.input)
    return found


class _Batches(CalibrationDataReader):  # type: ignore[misc]
    """Images for the library, one batch at a time."""

    def __init__(self, batches: tuple[torch.Tensor, ...]) -> None:
        self._left = iter(batches)

    def get_next(self) -> dict[str, NDArray[np.generic]] | None:
        """The next batch as the model's input; None at the end."""
        batch = next(self._left, None)
        return None if batch is None else {INPUT: batch.numpy()}


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suppress what the library prints of its progress."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
