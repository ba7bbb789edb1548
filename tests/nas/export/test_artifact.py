import hashlib
from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from nas.errors import ExportError
from nas.export.artifact import write_artifact
from nas.runtimes.onnxruntime import OnnxRuntime


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    layers = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(72, 4)
    )
    return layers.eval()


def batches() -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [
        (torch.randn(num, 3, 5, 5, generator=generator), torch.zeros(num, dtype=torch.long))
        for num in (30, 20)
    ]


def test_the_file_is_the_network_and_says_how_exactly(tmp_path: Path) -> None:
    plain, path = network(0), tmp_path / "w1-r5.onnx"
    model = OnnxRuntime("cpu", 1).compile(plain, batches()[0][0][:2]).model
    artifact = write_artifact(model, path, plain, batches(), batch_size=2, metadata={})
    assert artifact.file == "w1-r5.onnx"
    assert artifact.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert artifact.size_bytes == path.stat().st_size
    session, largest = onnxruntime.InferenceSession(str(path)), 0.0
    with torch.inference_mode():
        for images, _ in batches():
            for pair in images.split(2):
                (got,) = session.run(None, {"images": pair.numpy()})
                largest = max(largest, float((torch.from_numpy(got) - plain(pair)).abs().max()))
    assert artifact.max_abs_difference == pytest.approx(largest, abs=1e-6)
    assert 0 < largest < 1e-5
    assert [item.name for item in tmp_path.iterdir()] == ["w1-r5.onnx"]
    assert (artifact.agreement, artifact.top1_difference) == (1.0, 0.0)
    said = session.get_modelmeta().custom_metadata_map
    assert (said["agreement"], said["top1_difference"]) == ("1.0", "0.0")


def test_a_file_that_names_other_classes_is_refused_and_not_written(tmp_path: Path) -> None:
    model = OnnxRuntime("cpu", 1).compile(network(0), batches()[0][0][:1]).model
    with pytest.raises(
        ExportError, match=r"w1-r5.onnx must predict the same class .* but does for"
    ):
        write_artifact(
            model, tmp_path / "w1-r5.onnx", network(7), batches(), batch_size=1, metadata={}
        )
    assert not list(tmp_path.iterdir())


def labelled(plain: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """The batches with the labels that a network is right for in 9 of 10 images."""
    found = []
    for images, _ in batches():
        labels = plain(images).argmax(1)
        labels[::10] = (labels[::10] + 1) % 4
        found.append((images, labels))
    return found


def test_an_int8_file_says_how_it_compares(tmp_path: Path) -> None:
    plain, path = network(0), tmp_path / "w1-r5.onnx"
    calibration = torch.cat([images for images, _ in batches()])
    compiled = OnnxRuntime("cpu", 1, "int8").compile(plain, calibration[:1], calibration)
    expected, got = plain(calibration).argmax(1), compiled.logits(calibration).argmax(1)
    data = labelled(plain)
    labels = torch.cat([each for _, each in data])
    top1 = float((got == labels).float().mean())
    artifact = write_artifact(
        compiled.model, path, plain, data, batch_size=1, metadata={}, int8_top1=top1
    )
    assert artifact.agreement == float((got == expected).float().mean())
    assert artifact.top1_difference == pytest.approx(top1 - 0.9, abs=1e-6)
    said = onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map
    assert float(said["agreement"]) == artifact.agreement
    with pytest.raises(ExportError, match=r"must be as accurate as its table says, .*; search or"):
        write_artifact(
            compiled.model,
            tmp_path / "other.onnx",
            plain,
            data,
            batch_size=1,
            metadata={},
            int8_top1=top1 - 0.1,
        )
    assert [item.name for item in tmp_path.iterdir()] == ["w1-r5.onnx"]
