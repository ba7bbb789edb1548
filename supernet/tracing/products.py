"""Convolutions and matrix products contract channels and make new ones."""

import torch
from torch import Tensor

from supernet.space import channel_multiple
from supernet.tracing.call import BATCH_SIZE, Call
from supernet.tracing.labelling import Labelling

CONTRACTED = "multiplied with a dimension of fixed size"
BIAS = "has a bias of fixed size"
UNKNOWN = "unknown operation"


def convolution(labelling: Labelling, call: Call) -> None:
    """Convolutions of any number of dimensions, grouped, depthwise or transposed."""
    x, weight, bias, *_, transposed, _, groups = call.args
    x_axes, weight_axes = labelling.axes_of(x), labelling.axes_of(weight)
    positions = [_slid_along(labelling, call, dim) for dim in range(2, x.dim())]
    channels, first, second = x_axes[1], *weight_axes[:2]
    if groups > 1:
        made = _grouped(labelling, channels, weight, groups, transposed)
    else:
        contracted, made = (first, second) if transposed else (second, first)
        labelling.join(channels, contracted, CONTRACTED)
    if bias is not None:
        labelling.join(made, labelling.axes_of(bias)[0], BIAS)
    macs = len(x) * (x if transposed else call.result)[0, 0].numel() * weight.numel()
    labelling.multiply(weight, made, macs // _num_images(labelling, call))
    if made is None:
        labelling.note_lost(weight, call.result.shape[1])
    labelling.set_axes(call.result, [x_axes[0], made, *positions])


def deformable_convolution(labelling: Labelling, call: Call) -> None:
    """torchvision's: a convolution that takes each input from where `offset` says."""
    x, weight, _, _, bias, *_, groups, offset_groups, _ = call.args
    macs = len(x) * call.result[0, 0].numel() * weight.numel() // _num_images(labelling, call)
    if groups > 1 or offset_groups > 1:
        labelling.multiply(weight, None, macs)
        unknown(labelling, call)
        return
    x_axes, (made, contracted, *sides) = labelling.axes_of(x), labelling.axes_of(weight)
    labelling.join(x_axes[1], contracted, CONTRACTED)
    labelling.join(made, labelling.axes_of(bias)[0], BIAS)
    for axis in (*sides, *x_axes[2:], *(a for t in call.args[2:4] for a in labelling.axes_of(t))):
        labelling.keep(axis, "says where inputs are taken from")
    labelling.multiply(weight, made, macs)
    labelling.set_axes(call.result, [x_axes[0], made, None, None])


def unknown(labelling: Labelling, call: Call) -> None:
    """The inputs of an unknown operation stay at full width; what its weights make is listed."""
    for tensor in call.inputs:
        for axis in labelling.axes_of(tensor):
            labelling.keep(axis, UNKNOWN)
        is_weight = labelling.name_of(tensor) and not labelling.is_buffer(tensor)
        if is_weight and tensor.dim() > 1 and not labelling.is_constant(call):
            labelling.note_once(f"made by an {UNKNOWN}", tensor.shape[0])


def _num_images(labelling: Labelling, call: Call) -> int:
    """Of how many images the result consists: one, if it does not depend on them."""
    return 1 if labelling.is_constant(call) else BATCH_SIZE


def _slid_along(labelling: Labelling, call: Call, dim: int) -> Tensor | None:
    """Labels of a dimension that the kernel slides along.

    Where its size stays (a small kernel over pooled channels, padded), each entry keeps its label:
    padding consists of zeros, as removed channels would.
    """
    x, weight = call.args[:2]
    axis = labelling.axes_of(x)[dim]
    labelling.keep(labelling.axes_of(weight)[dim], "convolved over")
    if x.shape[dim] != call.result.shape[dim]:
        labelling.keep(axis, "convolved over")
        return None
    if axis is not None and weight.shape[dim] > 1:
        labelling.ordered.append(axis)
    return axis


def _grouped(
    labelling: Labelling, channels: Tensor | None, weight: Tensor, groups: int, transposed: bool
) -> Tensor | None:
    """Let the convolution lose whole groups, or narrow each: whichever allows more widths.

    The weight's first dimension holds all groups' outputs (transposed: inputs), its second one
    group's inputs (transposed: outputs). Returns the labels of the output channels.
    """
    whole, per_group = labelling.axes_of(weight)[:2]
    in_group, made_in_group = weight.shape[0] // groups, weight.shape[1]
    if not transposed:
        in_group, made_in_group = made_in_group, in_group
    if whole is None:
        return _with_constant(labelling, channels, in_group, made_in_group)
    if channels is None:
        channels = torch.zeros(groups * in_group, dtype=torch.int64)
    if choices(labelling, len(channels), in_group) >= choices(labelling, len(channels), groups):
        labelling.lose_groups(weight)
        group = labelling.tie_rows(channels.view(groups, in_group), dim=1)
        labelling.unite(whole, group.repeat_interleave(len(whole) // groups))
        if per_group is not None:
            labelling.labels.keep(per_group)
        return group.repeat_interleave(made_in_group)
    inputs = labelling.tie_rows(channels.view(groups, in_group))
    if transposed:
        labelling.unite(whole, inputs.repeat(groups))
        return None if per_group is None else per_group.repeat(groups)
    if per_group is not None:
        labelling.unite(per_group, inputs)
    return labelling.tie_rows(whole.view(groups, made_in_group)).repeat(groups)


def _with_constant(
    labelling: Labelling, channels: Tensor | None, in_group: int, made_in_group: int
) -> Tensor | None:
    """Each channel is convolved with a kernel made on the spot (a blur): it passes its labels on.

    Whether the code makes as many kernels as there are channels, the narrow networks show.
    """
    if in_group > 1:
        labelling.keep(channels, CONTRACTED)
        return None
    return None if channels is None else channels.repeat_interleave(made_in_group)


def choices(labelling: Labelling, num_channels: int, unit: int) -> int:
    """How many widths there are when channels are removed `unit` at a time, in multiples."""
    return num_channels // channel_multiple(num_channels, unit, labelling.divisor)


def product(labelling: Labelling, call: Call) -> None:
    """Products of two matrices or of two batches of matrices."""
    left, right = call.args[:2]
    _product(labelling, call, left, right)


def product_and_sum(labelling: Labelling, call: Call) -> None:
    """Products of matrices with a bias added, as in a linear layer."""
    bias, left, right = call.args[:3]
    _product(labelling, call, left, right)
    axes = list(labelling.axes_of(call.result))
    for dim in range(-bias.dim(), 0):
        if bias.shape[dim] > 1:
            axes[dim] = labelling.join(axes[dim], labelling.axes_of(bias)[dim], BIAS)
    labelling.set_axes(call.result, axes)


def _product(labelling: Labelling, call: Call, left: Tensor, right: Tensor) -> None:
    left_axes, right_axes = labelling.axes_of(left), labelling.axes_of(right)
    labelling.join(left_axes[-1], right_axes[-2], CONTRACTED)
    batch = [
        labelling.join(one, other, CONTRACTED)
        for one, other in zip(left_axes[:-2], right_axes[:-2], strict=True)
    ]
    rows, columns = left_axes[-2], right_axes[-1]
    if labelling.weight_of(left) is None and labelling.weight_of(right) is None:
        labelling.heads.note_contraction(labelling.here[1], left.shape[-1])
    macs = call.result.numel() * left.shape[-1] // _num_images(labelling, call)
    if labelling.weight_of(right):
        labelling.multiply(right, columns, macs)
    elif labelling.weight_of(left):
        labelling.multiply(left, rows, macs)
    if columns is None:
        labelling.note_lost(right, right.shape[-1])
    labelling.set_axes(call.result, [*batch, rows, columns])
