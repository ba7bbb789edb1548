"""The contract that every runtime keeps."""

import pytest
import torch
from torch import nn
from torchvision import models

from nas.errors import RuntimeUnavailableError
from nas.runtimes import CompiledNetwork, Runtime, load_runtime
from nas.runtimes.registry import RUNTIMES
from supernet.cores import usable_cores

NUM_THREADS = min(2, usable_cores().num_usable)
BLOCKS = [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 1, 2]]
"""Expansion, channels, repeats and stride of the first of MobileNetV2's blocks."""


def network(width: float = 0.25, *, whole: bool = False) -> nn.Module:
    """A MobileNetV2, with the first blocks only or `whole`, with BN statistics that matter."""
    generator = torch.Generator().manual_seed(0)
    result: nn.Module = models.mobilenet_v2(
        num_classes=10, width_mult=width, inverted_residual_setting=None if whole else BLOCKS
    )
    for name, tensor in result.state_dict().items():
        if "running" in name:
            low = 0.5 if name.endswith("var") else -0.5
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + low)
    return result.eval()


def images(num: int, resolution: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(num, 3, resolution, resolution, generator=generator)


# ExecuTorch 1.5 and torchao warn about their own code when they are imported.
MARKS = {
    "executorch": [pytest.mark.slow, pytest.mark.filterwarnings("ignore")],
    # PyTorch's compiler calls what PyTorch itself has deprecated.
    "inductor": [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")],
    # Packages that litert-torch 0.10 needs warn when they are imported, as torchao does.
    "litert": [pytest.mark.slow, pytest.mark.filterwarnings("ignore")],
    "openvino-int8": [pytest.mark.slow],  # as ONNX Runtime's, but for how it is loaded
}


ON_CPU = [
    *((name, "float32") for name in sorted(RUNTIMES) if name != "cudagraph"),
    *(("eager", "bfloat16"), ("inductor", "bfloat16"), ("openvino", "bfloat16")),
    *(("onnxruntime", "int8"), ("openvino", "int8")),
]
ON_CUDA = [
    *((name, "float32") for name in ("cudagraph", "eager", "inductor", "onnxruntime")),
    *((name, "float16") for name in ("cudagraph", "eager", "inductor")),
]


@pytest.fixture(
    scope="module",
    params=[
        *(
            pytest.param(
                (name, dtype, "cpu"),
                id=f"{name}-{dtype}",
                marks=[*MARKS.get(name, []), *MARKS.get(f"{name}-{dtype}", [])],
            )
            for name, dtype in ON_CPU
        ),
        *(
            pytest.param(
                (name, dtype, "cuda"),
                id=f"{name}-{dtype}-cuda",
                marks=[pytest.mark.gpu, *MARKS.get(name, [])],
            )
            for name, dtype in ON_CUDA
        ),
    ],
)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    name, dtype, device = request.param
    try:
        return load_runtime(name, device=device, num_threads=NUM_THREADS, dtype=dtype)
    except RuntimeUnavailableError as error:
        pytest.skip(str(error))


def tolerance(runtime: Runtime) -> float:
    """Relative to the largest logit: errors add up over the layers.

    A bfloat16 has 8 bits, a float16 11; so have a GPU's float32 convolutions unless told otherwise.
    An int8 has one scale for a tensor, whose values differ by more than those of a trained network.
    """
    if (runtime.device, runtime.dtype) == ("cuda", "float32"):
        return 0.02
    return {"float32": 1e-4, "float16": 0.02, "bfloat16": 0.1, "int8": 0.2}[runtime.dtype]


def compiled_by(runtime: Runtime, plain: nn.Module, x: torch.Tensor) -> CompiledNetwork:
    """With images for those that calibrate."""
    return runtime.compile(plain, x, images(7, x.shape[-1]))


class TestContract:
    def test_it_states_what_it_is(self, runtime: Runtime) -> None:
        assert runtime.name in RUNTIMES
        assert runtime.version[0].isdigit()
        assert (runtime.device, runtime.num_threads) in (
            ("cpu", NUM_THREADS),
            ("cuda", NUM_THREADS),
        )
        assert all(isinstance(value, str) and value for value in runtime.details.values())

    @pytest.mark.parametrize(("width", "resolution"), [(0.25, 32), (0.5, 32), (0.5, 48)])
    def test_it_computes_the_network(self, runtime: Runtime, width: float, resolution: int) -> None:
        plain, x = network(width), images(1, resolution)
        got = compiled_by(runtime, plain, x).logits(x)
        with torch.inference_mode():
            expected = plain(x)
        assert got.dtype == torch.float32
        error = float((got - expected).abs().max() / expected.abs().max())
        assert error <= tolerance(runtime)
        assert runtime.dtype == "float32" or error > 1e-4  # it does compute with fewer digits

    @pytest.mark.parametrize("batch_size", [1, 3])
    def test_any_number_of_images_can_be_scored(self, runtime: Runtime, batch_size: int) -> None:
        plain, x = network(), images(7)
        compiled = compiled_by(runtime, plain, x[:batch_size])
        with torch.inference_mode():
            expected = plain(x)
        assert compiled.logits(x).shape == (7, 10)
        bound = tolerance(runtime) * float(expected.abs().max())
        torch.testing.assert_close(compiled.logits(x), expected, rtol=0, atol=bound)

    def test_the_network_is_not_changed_nor_does_changing_it_matter(self, runtime: Runtime) -> None:
        plain, x = network().train(), images(1)
        before = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
        compiled = compiled_by(runtime, plain, x)
        first = compiled.logits(x)
        assert plain.training
        assert all(parameter.requires_grad for parameter in plain.parameters())
        assert all(torch.equal(plain.state_dict()[name], before[name]) for name in before)
        for tensor in plain.state_dict().values():
            tensor.zero_()
        compiled.run()
        assert torch.equal(compiled.logits(x), first)

    @pytest.mark.slow
    def test_it_tells_its_peak_memory_or_that_it_cannot(self, runtime: Runtime) -> None:
        small, large = (
            compiled_by(runtime, network(width, whole=True), images(1)).peak_memory_bytes()
            for width in (0.25, 2.0)
        )
        if runtime.name in ("onnxruntime", "openvino") and (
            runtime.device == "cpu" and runtime.dtype in ("float32", "int8")
        ):
            assert small is not None
            assert large is not None
            bytes_each = 4 if runtime.dtype == "float32" else 1
            weights = bytes_each * sum(p.numel() for p in network(2.0, whole=True).parameters())
            assert 0 < small < large
            assert weights < large < 10 * weights
        else:
            assert small is large is None

    def test_channels_last_images_are_welcome(self, runtime: Runtime) -> None:
        plain, x = network(), images(2).to(memory_format=torch.channels_last)
        compiled = compiled_by(runtime, plain, x)
        compiled.run()
        torch.testing.assert_close(compiled.logits(x), compiled.logits(x.contiguous()))


def test_the_default_on_a_cpu_is_what_deploys_there() -> None:
    runtime = load_runtime()
    assert runtime.name == "onnxruntime"
    assert runtime.num_threads == usable_cores().num_usable
