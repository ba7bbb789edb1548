"""Depthwise convolutions in training on a CPU, around oneDNN's slow gradients.

oneDNN, as torch 2.15 has it, lacks a fast kernel for two of them. On one core of an AMD EPYC, at
batch 64: the images' gradient at stride 2 in bfloat16 took 72 ms for 64 channels at 32 px (here
1.2 ms) and 57 ms for 512 at 4 px (0.2 ms); the weights' gradient where the result has 2 px a side
took 2.9 ms for 1,024 channels in float32 (here 0.7 ms) and 18 ms in bfloat16 (0.4 ms). Both are
written as another sum of the same terms.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d, pad


def speed_up_depthwise(model: nn.Module) -> None:
    """Let the model's depthwise convolutions compute their gradients as below."""
    for layer in model.modules():
        if type(layer) is nn.Conv2d and _fits(layer):
            layer.__class__ = DepthwiseConv2d


class DepthwiseConv2d(nn.Conv2d):
    """nn.Conv2d with the same values and gradients."""

    def forward(self, x: Tensor) -> Tensor:
        """As nn.Conv2d's."""
        plain = torch.compiler.is_compiling() or not torch.is_grad_enabled()
        if plain or x.device.type != "cpu" or not _fits(self):
            return super().forward(x)
        weight = self.weight
        if torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            x, weight = x.to(dtype), weight.to(dtype)
        y: Tensor = _Depthwise.apply(x, weight, self.stride[0])
        return y


def _fits(layer: nn.Conv2d) -> bool:
    """Whether it is one kernel a channel, centred, without a bias."""
    side = layer.kernel_size[0]
    return (
        layer.groups == layer.in_channels == layer.out_channels
        and layer.bias is None
        and layer.kernel_size == (side, side)
        and side % 2 == 1
        and layer.padding == (side // 2, side // 2)
        and layer.stride[0] == layer.stride[1]
        and layer.dilation == (1, 1)
        and layer.padding_mode == "zeros"
    )


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return conv2d(x, weight, None, stride, weight.shape[-1] // 2, 1, len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, _ = ctx.needs_input_grad
        return (
            _images_gradient(gradients[0], x, weight, ctx.stride) if of_x else None,
            _weights_gradient(gradients[0], x, weight, ctx.stride) if of_weight else None,
            None,
        )


def _images_gradient(gradient: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    if stride == 1 or x.dtype == torch.float32:
        return _backward(gradient, x, weight, stride, (True, False))[0]
    spread = torch.zeros_like(
        x
    )  # what stride 1 would have given, where stride 2 leaves out nothing
    spread[:, :, ::stride, ::stride] = gradient
    return conv2d(spread, weight.flip(2, 3), None, 1, weight.shape[-1] // 2, 1, len(weight))


def _weights_gradient(gradient: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    if max(gradient.shape[-2:]) <= 2 and max(x.shape[-2:]) < 4:
        x, gradient = _padded(x, 4), _padded(gradient, 3 // stride + 1)
    return _backward(gradient, x, weight, stride, (False, True))[1]


def _padded(x: Tensor, side: int) -> Tensor:
    """With zeros to the right and below, which add nothing to a gradient."""
    return pad(x, (0, side - x.shape[-1], 0, side - x.shape[-2]))


def _backward(
    gradient: Tensor, x: Tensor, weight: Tensor, stride: int, wanted: tuple[bool, bool]
) -> tuple[Tensor, Tensor]:
    margin, pair = weight.shape[-1] // 2, (stride, stride)
    places = (pair, (margin, margin), (1, 1), False, (0, 0), len(weight), [*wanted, False])
    of_x, of_weight, _ = torch.ops.aten.convolution_backward(gradient, x, weight, None, *places)
    return of_x, of_weight
