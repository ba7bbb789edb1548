import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torchvision import models

from nas.errors import ExportError
from nas.runtimes.fold import fold_batch_norm
from nas.runtimes.from_pixels import FromPixels
from nas.runtimes.onnx_graph import export_model
from nas.runtimes.opset import in_opset, lowered, opset_of
from supernet.models.wide_resnet import WideResNet

OLD = "1.17.3"
"""Of ONNX Runtime, early 2024: it reads IR 9 and opset 20."""
RUN_OLD = """
import sys, numpy, onnxruntime
print(onnxruntime.__version__)
for path in sys.argv[1:]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    pixels = numpy.full(session.get_inputs()[0].shape, 100, numpy.uint8)
    print(*session.run(None, {"images": pixels})[0][0])
"""


def exported(network: nn.Module, side: int = 32) -> onnx.ModelProto:
    pixels = torch.full((1, side, side, 3), 100, dtype=torch.uint8)
    whole = FromPixels(network.eval(), (0.5,) * 3, (0.2,) * 3)
    return export_model(fold_batch_norm(whole, pixels), pixels).graph


def logits(model: onnx.ModelProto) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (pixels,) = session.get_inputs()
    found: NDArray[np.float32]
    (found,) = session.run(None, {"images": np.full(pixels.shape, 100, np.uint8)})
    return found


@pytest.fixture(scope="module")
def small() -> onnx.ModelProto:
    return exported(models.mobilenet_v2(num_classes=4, width_mult=0.25))


def test_a_common_network_needs_little(small: onnx.ModelProto) -> None:
    onnx.checker.check_model(small, full_check=True)
    assert opset_of(small) == 14
    assert small.ir_version == 7
    assert len(small.opset_import) == 1


def test_an_operator_that_is_newer_is_what_it_needs() -> None:
    class Normalised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.head = nn.LayerNorm(32), nn.Linear(32, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.norm(x.mean((1, 2))))  # type: ignore[no-any-return]

    model = exported(Normalised())
    assert opset_of(model) == 17  # the first with LayerNormalization
    assert model.ir_version == 8


def test_lowering_changes_no_logit() -> None:
    weights = onnx.numpy_helper.from_array(np.random.default_rng(0).random((3, 2)), "w")
    nodes = [
        onnx.helper.make_node("ReduceMean", ["images", "axes"], ["m"], noop_with_empty_axes=0),
        onnx.helper.make_node("Cast", ["m"], ["c"], to=onnx.TensorProto.DOUBLE),
        onnx.helper.make_node("MatMul", ["c", "w"], ["logits"]),
    ]
    nodes[0].attribute.append(onnx.helper.make_attribute("keepdims", 0))
    make = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "net",
        [make("images", onnx.TensorProto.FLOAT, [1, 4, 4, 3])],
        [make("logits", onnx.TensorProto.DOUBLE, [1, 2])],
        [weights, onnx.helper.make_tensor("axes", onnx.TensorProto.INT64, [2], [1, 2])],
    )
    opsets = [onnx.helper.make_opsetid("", 18)]
    before = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)
    copy = before.SerializeToString()
    after = lowered(before)
    assert before.SerializeToString() == copy
    assert opset_of(after) == 13
    images = np.random.default_rng(1).random((1, 4, 4, 3), np.float32)
    outputs = [
        onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"images": images})[0]
        for model in (before, after)
    ]
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize(("opset", "ir"), [(14, 7), (17, 8), (20, 9)])
def test_a_higher_opset_can_be_chosen(small: onnx.ModelProto, opset: int, ir: int) -> None:
    model = in_opset(small, opset)
    assert (opset_of(model), model.ir_version) == (opset, ir)
    onnx.checker.check_model(model, full_check=True)
    np.testing.assert_array_equal(logits(model), logits(small))
    assert opset_of(small) == 14


@pytest.mark.parametrize("opset", [12, 13, 99])
def test_an_opset_that_cannot_be_is_one_line(small: onnx.ModelProto, opset: int) -> None:
    with pytest.raises(ExportError, match=rf"must be from 14, the lowest .* but got {opset}$"):
        in_opset(small, opset)


@pytest.fixture(scope="module")
def old_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if sys.version_info >= (3, 13):
        pytest.skip(f"there is no wheel of ONNX Runtime {OLD} for this Python")
    uv, folder = Path(sys.executable).with_name("uv"), tmp_path_factory.mktemp("old") / "venv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    packages = [f"onnxruntime=={OLD}", "numpy<2"]
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *packages], check=True)
    return python


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [
        models.mobilenet_v2(num_classes=4, width_mult=0.25),
        WideResNet(4, depth=10, widen=1, stem_stride=2),
        models.shufflenet_v2_x0_5(num_classes=4),
        models.convnext_tiny(num_classes=4),
        models.densenet121(num_classes=4),
    ],
    ids=lambda network: type(network).__name__,
)
def test_an_old_runtime_gives_the_same_logits(
    network: nn.Module, old_python: Path, tmp_path: Path
) -> None:
    model = exported(network, 64)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    command = [str(old_python), "-c", RUN_OLD, str(tmp_path / "model.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    version, printed = done.stdout.splitlines()
    assert version == OLD
    got = [float(value) for value in printed.split()]
    np.testing.assert_allclose(got, logits(model)[0], rtol=1e-3, atol=1e-5)
