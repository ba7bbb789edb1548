"""Depthwise convolutions in training on a GPU, by kernels that take any shape.

cuDNN compiles a kernel for each new depthwise shape in channels_last: 0.7 to 1 s on an H100, more
than 5 s for the first step of a MobileNetV2 at a new width. These Triton kernels get sizes when
they are called, so that one compilation serves all widths and resolutions: the side of the kernel,
the stride and the number type alone are compiled in. Never run on a GPU yet (docs/gpu.md); tested
by Triton's interpreter, which the environment's TRITON_INTERPRET=1 chooses when this is imported.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d
from torch.overrides import TorchFunctionMode

from supernet.train.depthwise import is_centred_depthwise

NUM_PIXELS, NUM_CHANNELS = 32, 64
"""What a program of a kernel computes at a time."""
MAX_PARTS = 64
"""Sums that a gradient of weights is added from, always in the same order."""
SIZES = ["batch", "channels", "height", "width", "out_height", "out_width"]


@triton.jit(do_not_specialize=SIZES)
def _forward(
    x, weight, out, batch, channels, height, width, out_height, out_width,
    SIDE: tl.constexpr, STRIDE: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    pixel = tl.program_id(0).to(tl.int64) * PIXELS + tl.arange(0, PIXELS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    column, row = pixel % out_width, pixel // out_width % out_height
    image = pixel // (out_width * out_height)
    is_pixel, is_channel = image < batch, channel < channels
    total = tl.zeros((PIXELS, CHANNELS), dtype=tl.float32)
    for place in tl.static_range(SIDE * SIDE):
        y = row * STRIDE + place // SIDE - SIDE // 2
        at = column * STRIDE + place % SIDE - SIDE // 2
        inside = is_pixel & (y >= 0) & (y < height) & (at >= 0) & (at < width)
        offset = ((image * height + y) * width + at) * channels
        mask = inside[:, None] & is_channel[None, :]
        value = tl.load(x + offset[:, None] + channel[None, :], mask=mask, other=0.0)
        factor = tl.load(weight + channel * (SIDE * SIDE) + place, mask=is_channel, other=0.0)
        total += value.to(tl.float32) * factor.to(tl.float32)[None, :]
    mask = is_pixel[:, None] & is_channel[None, :]
    result = total.to(out.dtype.element_ty)
    tl.store(out + pixel[:, None] * channels + channel[None, :], result, mask=mask)


@triton.jit(do_not_specialize=SIZES)
def _of_input(
    gradient, weight, out, batch, channels, height, width, out_height, out_width,
    SIDE: tl.constexpr, STRIDE: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    pixel = tl.program_id(0).to(tl.int64) * PIXELS + tl.arange(0, PIXELS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    column, row = pixel % width, pixel // width % height
    image = pixel // (width * height)
    is_pixel, is_channel = image < batch, channel < channels
    total = tl.zeros((PIXELS, CHANNELS), dtype=tl.float32)
    for place in tl.static_range(SIDE * SIDE):
        # The outputs that read this pixel at this place of the kernel: none between two strides.
        down = row + SIDE // 2 - place // SIDE
        right = column + SIDE // 2 - place % SIDE
        y, at = down // STRIDE, right // STRIDE
        inside = is_pixel & (down >= 0) & (right >= 0) & (y < out_height) & (at < out_width)
        inside = inside & (y * STRIDE == down) & (at * STRIDE == right)
        offset = ((image * out_height + y) * out_width + at) * channels
        mask = inside[:, None] & is_channel[None, :]
        value = tl.load(gradient + offset[:, None] + channel[None, :], mask=mask, other=0.0)
        factor = tl.load(weight + channel * (SIDE * SIDE) + place, mask=is_channel, other=0.0)
        total += value.to(tl.float32) * factor.to(tl.float32)[None, :]
    mask = is_pixel[:, None] & is_channel[None, :]
    result = total.to(out.dtype.element_ty)
    tl.store(out + pixel[:, None] * channels + channel[None, :], result, mask=mask)


@triton.jit(do_not_specialize=[*SIZES, "num_parts"])
def _of_weight(
    gradient, x, out, batch, channels, height, width, out_height, out_width, num_parts,
    SIDE: tl.constexpr, STRIDE: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    part, place = tl.program_id(0), tl.program_id(2)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    is_channel = channel < channels
    total = tl.zeros((CHANNELS,), dtype=tl.float32)
    num_blocks = (batch * out_height * out_width + PIXELS - 1) // PIXELS
    for block in range(part, num_blocks, num_parts):
        pixel = tl.cast(block, tl.int64) * PIXELS + tl.arange(0, PIXELS)
        column, row = pixel % out_width, pixel // out_width % out_height
        image = pixel // (out_width * out_height)
        y = row * STRIDE + place // SIDE - SIDE // 2
        at = column * STRIDE + place % SIDE - SIDE // 2
        inside = (image < batch) & (y >= 0) & (y < height) & (at >= 0) & (at < width)
        mask = inside[:, None] & is_channel[None, :]
        offset = ((image * height + y) * width + at) * channels
        seen = tl.load(x + offset[:, None] + channel[None, :], mask=mask, other=0.0)
        offset = pixel * channels
        got = tl.load(gradient + offset[:, None] + channel[None, :], mask=mask, other=0.0)
        total += tl.sum(seen.to(tl.float32) * got.to(tl.float32), axis=0)
    offset = (part * channels + channel) * (SIDE * SIDE) + place
    tl.store(out + offset, total, mask=is_channel)


class DepthwiseOnGpu(TorchFunctionMode):
    """Within `with`, depthwise nn.Conv2d layers run by the kernels above, with the same values.

    Other convolutions, and passes without gradients, run as they would without it.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call `func`, or the kernels where they apply."""
        if func is conv2d and len(args) == 7 and is_centred_depthwise(*args):
            x, weight, _, stride, *_ = args
            if torch.is_autocast_enabled(x.device.type):
                dtype = torch.get_autocast_dtype(x.device.type)
                x, weight = x.to(dtype), weight.to(dtype)
            return _Depthwise.apply(x, weight, stride[0])
        return func(*args, **(kwargs or {}))


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        x, weight = x.contiguous(memory_format=torch.channels_last), weight.contiguous()
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        sides = [(side - 1) // stride + 1 for side in x.shape[2:]]
        out = _channels_last(x, sides)
        grid = _programs(len(x) * sides[0] * sides[1], x)
        _forward[grid](x, weight, out, *x.shape, *sides, **_constants(weight, stride))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        sizes = (*x.shape, *gradient.shape[2:])
        constants = _constants(weight, ctx.stride)
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            of_x = _channels_last(x, x.shape[2:])
            grid = _programs(len(x) * x.shape[2] * x.shape[3], x)
            _of_input[grid](gradient, weight, of_x, *sizes, **constants)
        if ctx.needs_input_grad[1]:
            num_blocks, num_groups = _programs(gradient[:, 0].numel(), x)
            num_parts = min(MAX_PARTS, num_blocks)
            parts = x.new_empty((num_parts, *weight.shape), dtype=torch.float32)
            by_place = num_parts, num_groups, weight[0].numel()
            _of_weight[by_place](gradient, x, parts, *sizes, num_parts, **constants)
            of_weight = parts.sum(0).to(weight.dtype)
        return of_x, of_weight, None


def _channels_last(x: Tensor, sides: Any) -> Tensor:
    """A tensor like `x` with other sides, without values."""
    shape, channels_last = (*x.shape[:2], *sides), torch.channels_last
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=channels_last)


def _programs(num_pixels: int, x: Tensor) -> tuple[int, int]:
    """Of each axis of the grid: blocks of pixels, and of channels."""
    return -(-num_pixels // NUM_PIXELS), -(-x.shape[1] // NUM_CHANNELS)


def _constants(weight: Tensor, stride: int) -> dict[str, int]:
    """What is compiled in."""
    side = weight.shape[-1]
    return {"SIDE": side, "STRIDE": stride, "PIXELS": NUM_PIXELS, "CHANNELS": NUM_CHANNELS}
