"""Operations that look entries up by their number, or put them in order, along some dimensions.

Those dimensions stay; the others keep their labels.
"""

from supernet.tracing.call import Call
from supernet.tracing.labelling import Labelling

BY_INDEX = "entries are selected by index"


def one_of(labelling: Labelling, call: Call) -> None:
    """One entry of a dimension, or each of them: that dimension is gone."""
    axes = list(labelling.axes_of(call.args[0]))
    labelling.keep(axes.pop(call.argument("dim")), BY_INDEX)
    for out in call.outputs:
        labelling.set_axes(out, axes)


def along(labelling: Labelling, call: Call) -> None:
    """Sorted, the largest few, or added up along one dimension."""
    axes = labelling.axes_without(call.args[0], [call.argument("dim")], "their order counts")
    for out in call.outputs:
        labelling.set_axes(out, axes)


def index_select(labelling: Labelling, call: Call) -> None:
    """Entries of one dimension."""
    x, dim, index = call.args
    for axis in labelling.axes_of(index):
        labelling.keep(axis, BY_INDEX)
    labelling.set_axes(call.result, labelling.axes_without(x, [dim], BY_INDEX))


def indexed(labelling: Labelling, call: Call) -> None:
    """`x[i]`, `x[:, i, j]` with tensors of numbers: these come where their dimensions were.

    They come first where other dimensions are between those that are selected from (as in NumPy).
    """
    x, indices = call.args
    axes = labelling.axes_of(x)
    dims = [dim for dim, index in enumerate(indices) if index is not None]
    tensors = [indices[dim] for dim in dims]
    for axis in (*(axes[d] for d in dims), *(a for t in tensors for a in labelling.axes_of(t))):
        labelling.keep(axis, BY_INDEX)
    num_new = max(tensor.dim() for tensor in tensors)
    place = dims[0] if dims == list(range(dims[0], dims[-1] + 1)) else 0
    left = [axis for dim, axis in enumerate(axes) if dim not in dims]
    labelling.set_axes(call.result, [*left[:place], *[None] * num_new, *left[place:]])


def gather(labelling: Labelling, call: Call) -> None:
    """Entries of one dimension, others for each entry of the other dimensions."""
    x, dim, index = call.args[:3]
    axes = list(labelling.axes_of(index))
    for d, (axis, mine) in enumerate(zip(labelling.axes_of(x), axes, strict=True)):
        if d == dim % x.dim() or x.shape[d] != index.shape[d]:
            labelling.keep(axis, BY_INDEX)
            labelling.keep(mine, BY_INDEX)
            axes[d] = None
        else:
            axes[d] = labelling.join(axis, mine, BY_INDEX)
    labelling.set_axes(call.result, axes)


def embedding(labelling: Labelling, call: Call) -> None:
    """Rows of a table (nn.Embedding)."""
    table, index = call.args[:2]
    rows, features = labelling.axes_of(table)
    for axis in (rows, *labelling.axes_of(index)):
        labelling.keep(axis, BY_INDEX)
    labelling.set_axes(call.result, [*[None] * index.dim(), features])
