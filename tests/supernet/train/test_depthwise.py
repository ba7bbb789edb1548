import pytest
import torch
from torch import Tensor, nn

from supernet.train.depthwise import FastDepthwise


def gradients(layer: nn.Module, images: Tensor) -> list[Tensor]:
    x = images.clone().requires_grad_()
    y = layer(x)
    factors = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    (y * factors.to(y.dtype)).sum().backward()
    weight = layer.get_parameter("weight")
    assert x.grad is not None
    assert weight.grad is not None
    found = [y.detach(), x.grad, weight.grad.clone()]
    weight.grad = None
    return found


def is_fast(layer: nn.Conv2d) -> bool:
    images = torch.randn(2, 8, 5, 5, requires_grad=True)
    with FastDepthwise():
        function = layer(images).grad_fn
    return type(function).__name__ == "_DepthwiseBackward"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_values_and_gradients_are_those_of_the_plain_convolution(
    stride: int, kernel: int, dtype: torch.dtype
) -> None:
    """In float32: oneDNN's own of the weights in bfloat16 was once off by 1e17 (seen here)."""
    torch.manual_seed(0)
    bounds = {"stride": stride, "padding": kernel // 2, "groups": 8, "bias": False}
    for height, width in ((1, 1), (2, 2), (3, 3), (3, 2), (4, 4), (9, 9), (9, 12)):
        layer = nn.Conv2d(8, 8, kernel, **bounds)  # type: ignore[arg-type]
        with torch.no_grad():
            layer.weight.copy_(layer.weight.bfloat16())
        images = torch.randn(4, 8, height, width).bfloat16().float()
        images = images.to(memory_format=torch.channels_last)
        expected = gradients(layer, images)
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32), FastDepthwise():
            found = gradients(layer, images)
        assert is_fast(layer)
        tolerance = 1e-5 if dtype == torch.float32 else 2e-2
        for ours, theirs in zip(found, expected, strict=True):
            scale = theirs.abs().max().item()
            torch.testing.assert_close(ours.float(), theirs, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.Conv2d(8, 8, 3, groups=8, bias=False),
        nn.Conv2d(8, 16, 3, padding=1, groups=8, bias=False),
        nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8, bias=False),
        nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False, padding_mode="reflect"),
        nn.Conv2d(8, 8, 3, padding="same", groups=8, bias=False),
        nn.Conv2d(8, 8, (3, 5), padding=(1, 2), groups=8, bias=False),
        nn.Conv2d(8, 8, 3, (1, 2), padding=1, groups=8, bias=False),
    ],
)
def test_other_convolutions_run_as_they_are(layer: nn.Conv2d) -> None:
    assert not is_fast(layer)


def test_a_layer_keeps_its_class_and_outside_the_mode_its_own_gradients() -> None:
    layer = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
    assert is_fast(layer)
    assert type(layer) is nn.Conv2d
    assert type(layer(torch.randn(2, 8, 5, 5)).grad_fn).__name__ == "ConvolutionBackward0"
