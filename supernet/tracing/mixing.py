"""Mixing: where an operation combines channels by other means than a product with weights.

A channel whose weights are 0 adds nothing to a product, but it counts in a mean, a norm or a
softmax. A network without it then computes something else than one in which it is 0.
"""

from collections.abc import Callable, Iterable

from torch import Tensor

from supernet.tracing.call import Call
from supernet.tracing.labelling import Labelling

Mixed = Iterable[Tensor | None]


def mixed_by(labelling: Labelling, call: Call) -> list[Tensor]:
    """Labels of the dimensions whose entries `call` combines with each other."""
    find = _MIXING.get(call.operation)
    return [axis for axis in find(labelling, call) if axis is not None] if find else []


def _by_dim(labelling: Labelling, call: Call) -> Mixed:
    """All given dimensions of the first argument; all there are where none is given."""
    axes, dims = labelling.axes_of(call.args[0]), call.argument("dim")
    given = range(len(axes)) if dims is None or dims == [] else dims
    return [axes[dim] for dim in ([given] if isinstance(given, int) else given)]


def _of_layer_norm(labelling: Labelling, call: Call) -> Mixed:
    return labelling.axes_of(call.args[0])[-len(call.args[1]) :]


def _of_group_norm(labelling: Labelling, call: Call) -> Mixed:
    return labelling.axes_of(call.args[0])[1:]


def _of_batch_norm(labelling: Labelling, call: Call) -> Mixed:
    """All but the channels: code standardises weights with it."""
    first, _, *others = labelling.axes_of(call.args[0])
    return [first, *others]


def _of_weight_norm(labelling: Labelling, call: Call) -> Mixed:
    axes = list(labelling.axes_of(call.args[0]))
    del axes[call.argument("dim")]
    return axes


def _of_product(labelling: Labelling, call: Call) -> Mixed:
    """What is contracted, unless with a parameter itself."""
    left, right = call.args[-2:]
    if labelling.is_of_parameter(left) or labelling.is_of_parameter(right):
        return []
    return [labelling.axes_of(left)[-1], labelling.axes_of(right)[-2]]


def _of_convolution(labelling: Labelling, call: Call) -> Mixed:
    """All channels, unless with a parameter itself, and what the kernel slides along."""
    x, weight = (labelling.axes_of(tensor) for tensor in call.args[:2])
    of_parameter = labelling.is_of_parameter(call.args[1])
    return x[2:] if of_parameter else [*x[1:], *weight]


_NAMES: dict[Callable[[Labelling, Call], Mixed], str] = {
    _by_dim: """mean sum amax amin var std var_mean std_mean linalg_vector_norm norm prod max min
        logsumexp any all median mode kthvalue _softmax _safe_softmax _log_softmax""",
    _of_layer_norm: "native_layer_norm",
    _of_group_norm: "native_group_norm",
    _of_batch_norm: """native_batch_norm cudnn_batch_norm _native_batch_norm_legit
        miopen_batch_norm _native_batch_norm_legit_no_training _batch_norm_with_update""",
    _of_weight_norm: "_weight_norm_interface",
    _of_product: "mm bmm addmm baddbmm",
    _of_convolution: "convolution",
}
_MIXING = {f"aten.{name}": find for find, names in _NAMES.items() for name in names.split()}
