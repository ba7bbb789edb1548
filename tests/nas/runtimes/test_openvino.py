from typing import Any

import pytest
import torch
from torch import nn

from nas.errors import RuntimeUnavailableError

openvino = pytest.importorskip("openvino")
OpenVino = pytest.importorskip("nas.runtimes.openvino").OpenVino


def compiled_network() -> Any:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten()).eval()
    x = torch.randn(1, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    return OpenVino("cpu", 2).compile(network, x)._request.get_compiled_model()


def test_it_computes_in_float32_also_where_the_cpu_has_bfloat16() -> None:
    assert compiled_network().get_property("INFERENCE_PRECISION_HINT") == openvino.Type.f32


def test_it_leaves_the_threads_of_others_alone() -> None:
    model = compiled_network()
    assert model.get_property("ENABLE_CPU_PINNING") is False
    assert model.get_property("INFERENCE_NUM_THREADS") == 2


def test_another_device_is_one_clear_line() -> None:
    with pytest.raises(
        RuntimeUnavailableError,
        match="device of openvino must be cpu on this machine, but got cuda",
    ):
        OpenVino("cuda", 2)
