"""Operations that only move elements do to the labels what they do to the data."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from supernet.tracing.call import Call
from supernet.tracing.labelling import Labelling

MIXED = "channels are mixed with positions"


def carry(labelling: Labelling, call: Call) -> None:
    """Apply the operation to labels in the data's shape, one labelled dimension at a time."""
    axes: list[list[Tensor | None]] = [[None] * output.dim() for output in call.outputs]
    for dim, axis in enumerate(labelling.axes_of(call.args[0])):
        if axis is None:
            continue
        tables = _moved(call, labelling.labels.roots(axis), dim)
        for number, (table, found) in enumerate(zip(tables, axes, strict=True)):
            entries = partial(_moved_entries, call, len(axis), dim, number)
            place = _single_axis(labelling, table, entries)
            if place is None:
                labelling.keep(axis, MIXED)
                continue
            merged = found[place[0]]
            if merged is None or labelling.are_alike(merged):
                labelling.keep(merged, MIXED)
                found[place[0]] = place[1]
            else:
                labelling.keep(axis, MIXED)
    for output, found in zip(call.outputs, axes, strict=True):
        labelling.set_axes(output, found)


def _moved(call: Call, values: Tensor, dim: int) -> list[Tensor]:
    """What the operation makes of a tensor that has these values along `dim`."""
    x, *others = call.args
    shape = [1] * x.dim()
    shape[dim] = len(values)
    table = values.view(shape).expand(x.shape)
    try:
        moved = call.func(table, *others, **call.kwargs)
    except RuntimeError:  # a view of a table that is not contiguous
        moved = call.func(table.contiguous(), *others, **call.kwargs)
    return [moved] if isinstance(moved, Tensor) else list(moved)


def _moved_entries(call: Call, size: int, dim: int, number: int) -> Tensor:
    """Which of `size` entries along `dim` each element of an output came from."""
    return _moved(call, torch.arange(size), dim)[number]


def _single_axis(
    labelling: Labelling, table: Tensor, entries: Callable[[], Tensor]
) -> tuple[int, Tensor] | None:
    """The dimension along which labels change, and its labels; None where there is none.

    Where one dimension was split into several, one can shrink, see `_shrinking`. `entries` returns
    which entry each of the table's elements came from.
    """
    varying = [dim for dim in range(table.dim()) if _varies(table, dim)]
    if not varying:
        return None
    dim = varying[0]
    if len(varying) > 1:
        dim = _shrinking(labelling, table, entries(), varying)
    for other in range(table.dim()):
        if other in varying and other != dim:
            labelling.tie_rows(table, other)
        if other != dim:
            table = table.narrow(other, 0, 1)
    return dim, table.flatten()


def _shrinking(labelling: Labelling, table: Tensor, entries: Tensor, parts: list[int]) -> int:
    """Which of the dimensions that one was split into can shrink.

    Of heads and features, or of queries, keys and values, heads and features: the heads, where
    whole ones are removed. Else the largest, the last of equally large ones: the others count
    groups, heads or the pixels of an upscaling, which stay.
    """
    features, heads, *_ = sorted(parts, key=lambda dim: _step(entries, dim))
    path, num_heads, num_features = labelling.here[1], table.shape[heads], table.shape[features]
    if (path, num_heads) in labelling.heads.removed:
        labelling.heads.note_heads(_along(table, heads), num_features)
        return heads
    labelling.heads.note_split(path, num_heads, num_features)
    return max(parts, key=lambda dim: (table.shape[dim], dim))


def _step(entries: Tensor, dim: int) -> int:
    """How many entries further the next one along `dim` is."""
    first, second = _along(entries, dim)[:2].tolist()
    return int(second - first)


def _along(table: Tensor, dim: int) -> Tensor:
    """The first of the vectors along `dim`."""
    return table.movedim(dim, 0).flatten(1)[:, 0]


def _varies(table: Tensor, dim: int) -> bool:
    if table.shape[dim] < 2 or table.stride(dim) == 0:
        return False
    return not torch.equal(table, table.narrow(dim, 0, 1).expand_as(table))


def piece(labelling: Labelling, call: Call) -> None:
    """Slices and splits: pieces of equal size are tied, so that each loses the same channels."""
    for dim, axis in enumerate(labelling.axes_of(call.args[0])):
        sizes = [output.shape[dim] for output in call.outputs]
        size, *different = set(sizes)
        if axis is None or size == len(axis):
            continue
        if different:
            _tie_equal(labelling, axis.split(sizes))
        elif size and len(axis) % size == 0 and (call.argument("start") or 0) % size == 0:
            labelling.tie_rows(axis.view(-1, size))
    carry(labelling, call)


def _tie_equal(labelling: Labelling, pieces: Sequence[Tensor]) -> None:
    """Tie those of equal size; there are others."""
    for size in {len(piece) for piece in pieces}:
        labelling.tie_rows(torch.stack([piece for piece in pieces if len(piece) == size]))


def gated(labelling: Labelling, call: Call) -> None:
    """One half times the sigmoid of the other: the halves are tied."""
    axes = list(labelling.axes_of(call.args[0]))
    dim = call.argument("dim") % len(axes)
    axis = axes[dim]
    if axis is not None:
        axes[dim] = labelling.tie_rows(axis.view(2, -1))
    labelling.set_axes(call.result, axes)


def concatenate(labelling: Labelling, call: Call) -> None:
    """Labels are concatenated along `dim`; the other dimensions are joined."""
    num_dims = call.result.dim()
    tensors = [tensor for tensor in call.args[0] if tensor.dim() == num_dims]
    along = call.argument("dim") % num_dims
    axes: list[Tensor | None] = []
    for dim in range(num_dims):
        parts = [labelling.axes_of(tensor)[dim] for tensor in tensors]
        if dim == along:
            axes.append(_end_to_end(parts, [tensor.shape[dim] for tensor in tensors]))
        else:
            axis, *others = parts
            for other in others:
                axis = labelling.join(axis, other, "concatenated with a fixed size")
            axes.append(axis)
    labelling.set_axes(call.result, axes)


def _end_to_end(parts: list[Tensor | None], sizes: list[int]) -> Tensor | None:
    if all(part is None for part in parts):
        return None
    fixed = (torch.zeros(size, dtype=torch.int64) for size in sizes)
    return torch.cat([f if part is None else part for part, f in zip(parts, fixed, strict=True)])


def stack(labelling: Labelling, call: Call) -> None:
    """All tensors have the same channels; the new dimension has no labels."""
    axes, *others = (list(labelling.axes_of(tensor)) for tensor in call.args[0])
    for other in others:
        pairs = zip(axes, other, strict=True)
        axes = [labelling.join(one, two, "stacked on a fixed size") for one, two in pairs]
    axes.insert(call.argument("dim") % call.result.dim(), None)
    labelling.set_axes(call.result, axes)


def pad(labelling: Labelling, call: Call) -> None:
    """Entries added by padding always stay."""
    x, amounts = call.args[:2]
    axes = list(labelling.axes_of(x))
    for i in range(0, len(amounts), 2):
        axis = axes[-1 - i // 2]
        if axis is not None:
            added = (amounts[i], amounts[i + 1])
            axes[-1 - i // 2] = torch.nn.functional.pad(axis, added)  # with zeros: KEPT
    labelling.set_axes(call.result, axes)


def as_complex(labelling: Labelling, call: Call) -> None:
    """The last dimension, of real and imaginary parts, is gone."""
    labelling.set_axes(call.result, labelling.axes_of(call.args[0])[:-1])


def as_real(labelling: Labelling, call: Call) -> None:
    """There is one more dimension, of real and imaginary parts."""
    labelling.set_axes(call.result, [*labelling.axes_of(call.args[0]), None])


def pixel_shuffle(labelling: Labelling, call: Call) -> None:
    """Each output channel comes from `factor ** 2` consecutive input channels."""
    x, factor = call.args
    *batch, axis, _, _ = labelling.axes_of(x)
    if axis is not None:
        axis = labelling.tie_rows(axis.view(-1, factor**2), dim=1)
    labelling.set_axes(call.result, [*batch, axis, None, None])


def pixel_unshuffle(labelling: Labelling, call: Call) -> None:
    """Each input channel gives `factor ** 2` consecutive output channels."""
    x, factor = call.args
    *batch, axis, _, _ = labelling.axes_of(x)
    if axis is not None:
        axis = axis.repeat_interleave(factor**2)
    labelling.set_axes(call.result, [*batch, axis, None, None])
