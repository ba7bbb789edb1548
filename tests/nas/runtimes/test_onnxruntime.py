import time

import onnxruntime
import pytest
import torch
from torch import nn
from torchvision import models

from nas.errors import RuntimeUnavailableError
from nas.runtimes.onnxruntime import OnnxRuntime


def test_a_missing_provider_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    message = "must offer CUDAExecutionProvider, but offers CPUExecutionProvider; install"
    with pytest.raises(RuntimeUnavailableError, match=message):
        OnnxRuntime("cuda", 2)


def test_the_model_that_is_timed_can_be_saved_and_is_complete() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten()).eval()
    x = torch.randn(1, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    compiled = OnnxRuntime("cpu", 2).compile(network, x)
    saved = compiled.model.self_contained().SerializeToString()
    (got,) = onnxruntime.InferenceSession(saved).run(None, {"images": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(got), compiled.logits(x), rtol=0, atol=0)


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.parametrize("build", [models.mobilenet_v2, models.resnet50])
def test_a_candidate_is_ready_in_under_a_second_after_the_first(build: type[nn.Module]) -> None:
    runtime = OnnxRuntime("cpu", 2)
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    network = build().eval()
    runtime.compile(network, x)
    durations = []
    for _ in range(5):
        start = time.perf_counter()
        runtime.compile(network, x).run()
        durations.append(time.perf_counter() - start)
    assert sorted(durations)[2] < 1.0


def test_int8_on_a_gpu_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    message = "the device of int8 in onnxruntime must be cpu on this machine, but got cuda"
    with pytest.raises(RuntimeUnavailableError, match=message):
        OnnxRuntime("cuda", 2, "int8")
