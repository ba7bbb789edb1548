"""Depthwise convolutions in training on a CPU, around oneDNN's slow gradients.

oneDNN, as torch 2.15 has it, lacks a fast kernel for two of them. On one core of an AMD EPYC, at
batch 64: the gradient of the input at stride 2 in bfloat16 took 72 ms for 64 channels at 32 px
(here 1.2 ms) and 57 ms for 512 at 4 px (0.2 ms); the gradient of the weight where the output has
2 px a side took 2.9 ms for 1,024 channels in float32 (here 0.7 ms) and 18 ms in bfloat16 (0.4 ms).
Here both are computed by other kernels, from the same products.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d, pad
from torch.overrides import TorchFunctionMode


class FastDepthwise(TorchFunctionMode):
    """Within `with`, depthwise nn.Conv2d layers on the CPU compute their gradients as below.

    Outputs and gradients have the same values, and the layers are left alone: the mode intercepts
    their call of `F.conv2d`. Other convolutions, forward passes without gradients and code that
    torch.compile traces run as they would without it.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call `func`, or the function with faster gradients where it applies."""
        if func is conv2d and len(args) == 7 and args[0].is_cpu and is_centred_depthwise(*args):
            x, weight, _, stride, *_ = args
            if torch.is_autocast_enabled("cpu"):
                dtype = torch.get_autocast_dtype("cpu")
                x, weight = x.to(dtype), weight.to(dtype)
            return _Depthwise.apply(x, weight, stride[0])
        return func(*args, **(kwargs or {}))


def is_centred_depthwise(x: Tensor, weight: Tensor, bias: Tensor | None, *geometry: Any) -> bool:
    """Whether gradients are needed, and the kernels are odd, square, centred and have no bias."""
    stride, padding, dilation, groups = geometry
    margin = weight.shape[-1] // 2
    return (
        torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
        and x.dim() == 4
        and groups == x.shape[1] == len(weight)
        and bias is None
        and weight.shape[1:] == (1, 2 * margin + 1, 2 * margin + 1)
        and padding == (margin, margin)
        and stride == (stride[0], stride[0])
        and dilation == (1, 1)
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
            _input_gradient(gradients[0], x, weight, ctx.stride) if of_x else None,
            _weight_gradient(gradients[0], x, weight, ctx.stride) if of_weight else None,
            None,
        )


def _input_gradient(gradient: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    if stride == 1 or x.dtype == torch.float32:
        return _backward(gradient, x, weight, stride, (True, False))[0]
    # The gradient that the same convolution at stride 1 would get: zero where this one skips.
    spread = torch.zeros_like(x)
    spread[:, :, ::stride, ::stride] = gradient
    return conv2d(spread, weight.flip(2, 3), None, 1, weight.shape[-1] // 2, 1, len(weight))


def _weight_gradient(gradient: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    if max(gradient.shape[-2:]) <= 2 and max(x.shape[-2:]) < 4:
        x, gradient = _padded(x, 4), _padded(gradient, 3 // stride + 1)
    return _backward(gradient, x, weight, stride, (False, True))[1]


def _padded(x: Tensor, side: int) -> Tensor:
    """Padded with zeros on the right and below, which add nothing to a gradient."""
    return pad(x, (0, side - x.shape[-1], 0, side - x.shape[-2]))


def _backward(
    gradient: Tensor, x: Tensor, weight: Tensor, stride: int, wanted: tuple[bool, bool]
) -> tuple[Tensor, Tensor]:
    margin, pair = weight.shape[-1] // 2, (stride, stride)
    places = (pair, (margin, margin), (1, 1), False, (0, 0), len(weight), [*wanted, False])
    of_x, of_weight, _ = torch.ops.aten.convolution_backward(gradient, x, weight, None, *places)
    return of_x, of_weight
