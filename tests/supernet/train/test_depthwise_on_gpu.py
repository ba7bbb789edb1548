"""Triton's interpreter runs the kernels on the CPU, in a process of its own: Triton must know when
it is imported. With TRITON_INTERPRET=1, or on a GPU, the tests run here."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.training_job import TrainingJob
from supernet.space import SearchSpace
from supernet.train.process_group import ProcessGroup
from supernet.train.step import Step

triton = pytest.importorskip("triton")
depthwise_on_gpu = pytest.importorskip("supernet.train.depthwise_on_gpu")
DepthwiseOnGpu = depthwise_on_gpu.DepthwiseOnGpu

# Triton announces a default of a later version.
pytestmark = pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION")

DEVICE = "cpu" if os.environ.get("TRITON_INTERPRET") == "1" else "cuda"
runs_here = pytest.mark.skipif(
    DEVICE == "cuda" and not torch.cuda.is_available(),
    reason="neither TRITON_INTERPRET=1 nor a CUDA device",
)


@pytest.mark.slow
@pytest.mark.skipif(DEVICE == "cpu", reason="this is that process")
def test_the_interpreter_finds_them_right() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "gpu", __file__],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


def passes(layer: nn.Module, images: Tensor) -> list[Tensor]:
    """The output and the gradients of the input and the weights."""
    layer.zero_grad()
    images = images.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    out = layer(images)
    mixture = torch.linspace(-1, 1, out.numel(), device=out.device).view(out.shape)
    (out * mixture).sum().backward()
    assert images.grad is not None
    return [out.detach(), images.grad, *(p.grad for p in layer.parameters() if p.grad is not None)]


@pytest.mark.skipif(DEVICE == "cpu", reason="the interpreter compiles nothing")
@pytest.mark.parametrize("name", ["_forward", "_of_input", "_of_weight"])
def test_they_compile_for_an_h100_without_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    kernel = getattr(depthwise_on_gpu, name)
    constants = {"SIDE": 3, "STRIDE": 2, "PIXELS": 32, "CHANNELS": 64}
    kinds = dict.fromkeys(kernel.arg_names, "i32") | dict.fromkeys(constants, "constexpr")
    kinds |= dict.fromkeys(kernel.arg_names[:3], "*bf16")
    source = triton.compiler.ASTSource(kernel, kinds, constants)
    target = triton.backends.compiler.GPUTarget("cuda", 90, 32)
    assert triton.compile(source, target=target).asm["cubin"]


@pytest.mark.gpu
@runs_here
@pytest.mark.parametrize(
    ("channels", "height", "width", "kernel", "stride"),
    [(8, 6, 6, 3, 1), (70, 5, 7, 3, 2), (1, 4, 4, 5, 1), (16, 8, 6, 5, 2), (24, 1, 1, 3, 1)],
)
def test_outputs_and_gradients_are_those_of_pytorch(
    channels: int, height: int, width: int, kernel: int, stride: int
) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(
        channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False
    ).to(DEVICE)
    images = torch.randn(3, channels, height, width, device=DEVICE)
    images = images.contiguous(memory_format=torch.channels_last)
    expected = passes(layer, images)
    with DepthwiseOnGpu():
        got = passes(layer, images)
    assert got[0].is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
@runs_here
def test_in_bfloat16_sums_are_in_float32() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False).to(DEVICE)
    images = torch.randn(2, 8, 6, 6, device=DEVICE)
    expected = passes(layer, images)
    with DepthwiseOnGpu(), torch.autocast(DEVICE, torch.bfloat16):
        out, *gradients = passes(layer, images)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close([out.float(), *gradients], expected, rtol=0.03, atol=0.1)


@pytest.mark.gpu
@runs_here
def test_a_slice_of_the_weights_gets_its_gradient() -> None:
    weight = torch.randn(8, 1, 3, 3, device=DEVICE, requires_grad=True)
    images = torch.randn(2, 4, 5, 5, device=DEVICE)
    gradients = list[Tensor | None]()
    for mode in (None, DepthwiseOnGpu()):
        weight.grad = None
        layer = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)
        run = layer._conv_forward
        if mode is None:
            run(images, weight[:4], None).square().sum().backward()
        else:
            with mode:
                run(images, weight[:4], None).square().sum().backward()
        gradients.append(weight.grad)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
@runs_here
def test_other_convolutions_are_left_alone() -> None:
    dense = nn.Conv2d(4, 4, 3, padding=1).to(DEVICE)
    images = torch.randn(1, 4, 5, 5, device=DEVICE)
    with DepthwiseOnGpu():
        inside = dense(images)
        with torch.no_grad():
            assert torch.equal(dense(images), inside)
    assert torch.equal(inside, dense(images))


@pytest.mark.gpu
@runs_here
def test_a_step_trains_by_them(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list[torch.Size]()
    forward = depthwise_on_gpu._Depthwise.forward

    def counted(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        calls.append(weight.shape)
        out: Tensor = forward(ctx, x, weight, stride)
        return out

    monkeypatch.setattr(depthwise_on_gpu._Depthwise, "forward", staticmethod(counted))
    space = SearchSpace(resolutions=(8,), widths=(0.5, 1.0))
    gradients = []
    for depthwise_kernels in (False, True):
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, bias=False),
            nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False),
            nn.BatchNorm2d(16),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(16, 10),
        )
        supernet = Supernet(network, torch.empty(1, 3, 8, 8), space).train().to(DEVICE)
        step = Step(
            supernet,
            supernet,
            TrainingJob(space=space, hyperparameters=Hyperparameters(batch_size=4), epochs=1),
            ProcessGroup(),
            num_steps=1,
            class_counts=[1] * 10,
            mean=(0.5,) * 3,
            std=(0.2,) * 3,
            depthwise_kernels=depthwise_kernels,
        )
        images = torch.randint(256, (4, 3, 8, 8), dtype=torch.uint8)
        step.gradients(images, torch.arange(4), [space.largest, space.smallest])
        gradients.append([parameter.grad for parameter in step.parameters])
    assert [shape[0] for shape in calls] == [16, 8]
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-5)
