"""Rules: what each operation does to labels; here those of elementwise ones and reductions."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from supernet.tracing import alike, lookup, moves, norms, positions, products
from supernet.tracing.call import Call, operation_name
from supernet.tracing.labelling import Labelling

Rule = Callable[[Labelling, Call], None]


def elementwise(labelling: Labelling, call: Call) -> None:
    """Operands have the same channels; dimensions of size 1 are broadcast."""
    for out in call.outputs:
        axes: list[Tensor | None] = [None] * out.dim()
        for dim in range(-out.dim(), 0):
            size = out.shape[dim]
            full = [x for x in call.inputs if x.dim() >= -dim and x.shape[dim] == size > 1]
            axis, *others = [labelling.axes_of(x)[dim] for x in full] or [None]
            for other in others:
                axis = labelling.join(axis, other, "joined with channels that stay")
            axes[dim] = axis
        labelling.set_axes(out, axes)


def weight_norm(labelling: Labelling, call: Call) -> None:
    """A weight in the direction of `v` with the norms `g`, one for each entry of one dimension."""
    weight, lengths = call.outputs
    elementwise(labelling, Call(call.func, call.args[:2], {}, weight))
    axes = zip(labelling.axes_of(weight), lengths.shape, strict=True)
    labelling.set_axes(lengths, [axis if size > 1 else None for axis, size in axes])


def reduction(labelling: Labelling, call: Call) -> None:
    """Reduced dimensions are removed or have one entry left."""
    x, dims = call.args[0], call.argument("dim")
    given = range(x.dim()) if dims is None or dims == [] else dims
    reduced = {dim % x.dim() for dim in ([given] if isinstance(given, int) else given)}
    axes = labelling.axes_of(x)
    if len(call.outputs) > 1 and call.operation in WITH_INDICES:
        by_number = [axes[dim] for dim in reduced]
        labelling.defer(call.outputs[1], by_number, "indices of channels are used")
    for out in call.outputs:
        left = [None if dim in reduced else axis for dim, axis in enumerate(axes)]
        if out.dim() < x.dim():
            left = [axis for dim, axis in enumerate(axes) if dim not in reduced]
        labelling.set_axes(out, left)


def as_another_layout(labelling: Labelling, call: Call) -> None:
    """Strides may change, but the shape must not."""
    if call.result.shape == call.args[0].shape:
        labelling.set_axes(call.result, labelling.axes_of(call.args[0]))
    else:
        products.unknown(labelling, call)


WITH_INDICES = {"aten.max", "aten.min", "aten.median", "aten.mode", "aten.kthvalue"}

_NAMES: dict[Rule, str] = {
    elementwise: """empty_like zeros_like ones_like full_like rand_like randn_like bernoulli_
        fill_ zero_ copy_ uniform_ normal_ hardswish_ hardswish hardtanh_ _softmax _safe_softmax
        _log_softmax native_dropout _to_copy relu6 relu6_ lift_fresh _prelu_kernel rrelu_with_noise
        contiguous normal_functional bernoulli masked_fill_ detach alias clone""",
    weight_norm: "_weight_norm_interface",
    norms.batch_norm: """native_batch_norm cudnn_batch_norm _native_batch_norm_legit
        miopen_batch_norm _native_batch_norm_legit_no_training _batch_norm_with_update""",
    alike.new: """empty zeros ones full rand randn empty_strided new_empty new_zeros new_ones
        new_full new_empty_strided""",
    alike.expanded: "expand repeat",
    norms.layer_norm: "native_layer_norm",
    norms.group_norm: "native_group_norm",
    reduction: """mean sum amax amin var std var_mean std_mean linalg_vector_norm norm prod max min
        logsumexp any all median mode kthvalue""",
    positions.pooling: """max_pool2d_with_indices max_pool3d_with_indices avg_pool1d avg_pool2d
        avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d
        upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact2d
        upsample_linear1d upsample_bilinear2d upsample_bicubic2d upsample_trilinear3d
        _upsample_bilinear2d_aa _upsample_bicubic2d_aa reflection_pad1d reflection_pad2d
        replication_pad1d replication_pad2d""",
    positions.pooling_with: """max_unpool2d max_unpool3d fractional_max_pool2d
        fractional_max_pool3d""",
    positions.transform: "_fft_r2c _fft_c2r _fft_c2c",
    positions.sampling: "grid_sampler_2d grid_sampler_3d",
    positions.to_patches: "im2col",
    positions.from_patches: "col2im",
    lookup.one_of: "select unbind",
    lookup.along: "sort topk cumsum cumprod cummax cummin logcumsumexp",
    lookup.index_select: "index_select",
    lookup.indexed: "index",
    lookup.gather: "gather",
    lookup.embedding: "embedding",
    as_another_layout: "as_strided as_strided_",
    moves.carry: """view _unsafe_view permute transpose t unsqueeze squeeze roll flip unfold
        diagonal _reshape_alias view_copy reshape channel_shuffle native_channel_shuffle""",
    moves.piece: "slice split split_with_sizes narrow chunk unsafe_split unsafe_split_with_sizes",
    moves.gated: "glu",
    moves.concatenate: "cat",
    moves.stack: "stack",
    moves.as_complex: "view_as_complex",
    moves.as_real: "view_as_real",
    moves.pad: "constant_pad_nd",
    moves.pixel_shuffle: "pixel_shuffle",
    moves.pixel_unshuffle: "pixel_unshuffle",
    products.convolution: "convolution",
    products.product: "mm bmm",
    products.product_and_sum: "addmm baddbmm",
}

RULES = {f"aten.{name}": rule for rule, names in _NAMES.items() for name in names.split()} | {
    "torchvision.deform_conv2d": products.deformable_convolution
}
"""The rule of each operation with a rule of its own."""


def rule_for(func: Any) -> Rule:
    """The rule of an operation (an overload of `torch.ops.aten`)."""
    rule = RULES.get(operation_name(func))
    if rule is None and torch.Tag.pointwise in func.tags:
        return elementwise
    return rule or products.unknown
