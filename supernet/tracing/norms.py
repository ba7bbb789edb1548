"""Normalisations: channels are those of the weight, the bias and the statistics."""

from torch import Tensor, nn

from supernet.tracing.call import Call
from supernet.tracing.labelling import Labelling
from supernet.tracing.products import choices

NORMALISED = "normalised at a fixed size"


def batch_norm(labelling: Labelling, call: Call) -> None:
    """The channels are those of the weight, the bias and the statistics."""
    x, *parameters = call.args[:5]
    axes = list(labelling.axes_of(x))
    for tensor in parameters:
        if isinstance(tensor, Tensor):
            axes[1] = labelling.join(axes[1], labelling.axes_of(tensor)[0], NORMALISED)
    out, *moments = call.outputs
    labelling.set_axes(out, axes)
    for moment in moments:
        if len(moment) == x.shape[1]:
            labelling.set_axes(moment, axes[1:2])


def layer_norm(labelling: Labelling, call: Call) -> None:
    """The last dimensions are those of the weight and the bias."""
    x, _, *parameters = call.args[:4]
    axes = list(labelling.axes_of(x))
    for tensor in parameters:
        if tensor is not None:
            for dim in range(-tensor.dim(), 0):
                axes[dim] = labelling.join(axes[dim], labelling.axes_of(tensor)[dim], NORMALISED)
    out, *moments = call.outputs
    labelling.set_axes(out, axes)
    for moment in moments:
        labelling.set_axes(moment, axes)  # one entry where it was normalised


def group_norm(labelling: Labelling, call: Call) -> None:
    """Groups are lost as a whole, or each loses the same channels: whichever allows more widths.

    The number of groups can only shrink where it is an attribute of a layer, nn.GroupNorm.
    """
    x, weight, bias = call.args[:3]
    channels, groups = labelling.axes_of(x)[1], call.argument("group")
    for tensor in (weight, bias):
        if tensor is not None:
            channels = labelling.join(channels, labelling.axes_of(tensor)[0], NORMALISED)
    of_groups = None
    if channels is not None:
        table, layer = channels.view(groups, -1), labelling.layer_of(weight)
        widths = [choices(labelling, len(channels), unit) for unit in table.shape[::-1]]
        if isinstance(layer, nn.GroupNorm) and widths[0] >= widths[1]:
            labelling.lose_groups(weight)
            of_groups = labelling.tie_rows(table, dim=1)
        else:
            labelling.tie_rows(table)
    axes = list(labelling.axes_of(x))
    axes[1] = channels
    out, *moments = call.outputs
    labelling.set_axes(out, axes)
    for moment in moments:
        labelling.set_axes(moment, [None, of_groups])
