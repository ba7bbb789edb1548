"""Operations over the positions of an image: pooling, resizing, sampling, patches.

The dimensions of positions lose their labels; those of channels keep them.
"""

import re
from math import prod

import torch
from torch import Tensor

from supernet.tracing.call import Call
from supernet.tracing.labelling import Labelling


def pooling(labelling: Labelling, call: Call) -> None:
    """The last one to three dimensions (by name) are positions; the others keep their labels.

    So does one along which a window slides, step by step, padded with zeros (local response
    normalisation): a removed channel would be a zero as well.
    """
    axes = list(labelling.axes_of(call.args[0]))
    for dim in range(-_num_dims(call), 0):
        slid = _slid_along(labelling, call, dim)
        if slid is None:
            labelling.keep(axes[dim], "pooled over")
        else:
            labelling.ordered.append(slid)
        axes[dim] = slid
    for out in call.outputs:
        labelling.set_axes(out, axes)


def pooling_with(labelling: Labelling, call: Call) -> None:
    """As `pooling`, with a second tensor for it: indices, or random numbers for each channel."""
    axes = labelling.axes_without(call.args[0], range(-_num_dims(call), 0), "pooled over")
    channels = -1 - _num_dims(call)
    for tensor in call.inputs[1:]:
        like = labelling.axes_of(tensor)
        other = like[channels] if tensor.dim() == len(axes) else like[1]
        axes[channels] = labelling.join(axes[channels], other, "pooled with a fixed size")
    for out in call.outputs:
        labelling.set_axes(out, axes)


def transform(labelling: Labelling, call: Call) -> None:
    """A Fourier transform over some dimensions."""
    x, dims = call.args[:2]
    labelling.set_axes(call.result, labelling.axes_without(x, dims, "transformed over"))


def sampling(labelling: Labelling, call: Call) -> None:
    """Images are read at given coordinates, which stay."""
    x, grid = call.args[:2]
    for axis in labelling.axes_of(grid):
        labelling.keep(axis, "used as coordinates")
    labelling.set_axes(call.result, labelling.axes_without(x, range(2, x.dim()), "sampled over"))


def to_patches(labelling: Labelling, call: Call) -> None:
    """Each channel gives as many consecutive ones as a patch has pixels (F.unfold)."""
    *batch, axis, _, _ = labelling.axes_without(call.args[0], (-2, -1), "cut into patches")
    patch = prod(call.args[1])
    made = None if axis is None else axis.repeat_interleave(patch)
    labelling.set_axes(call.result, [*batch, made, None])


def from_patches(labelling: Labelling, call: Call) -> None:
    """The reverse (F.fold): the pixels of a channel are tied."""
    *batch, axis, _ = labelling.axes_without(call.args[0], [-1], "put together")
    patch = prod(call.args[2])
    channels = None if axis is None else labelling.tie_rows(axis.view(-1, patch), dim=1)
    labelling.set_axes(call.result, [*batch, channels, None, None])


def _num_dims(call: Call) -> int:
    found = re.search("([123])d", call.operation)
    assert found is not None
    return int(found[1])


def _slid_along(labelling: Labelling, call: Call, dim: int) -> Tensor | None:
    """Labels of the result, if the window averages, slides by one, and finds zeros at both ends."""
    axis = labelling.axes_of(call.args[0])[dim]
    if axis is None or not call.operation.startswith("aten.avg_pool"):
        return None
    kernel, stride, padding = (list(call.argument(n)) for n in ("kernel_size", "stride", "padding"))
    if (stride or kernel)[dim] != 1 or any(padding):
        return None
    start = kernel[dim] // 2
    inner = axis[start : start + call.result.shape[dim]]
    outer = torch.cat([axis[:start], axis[start + len(inner) :]])
    return inner if bool(labelling.labels.is_kept(outer).all()) else None
