"""Entries that are all alike: those of a new tensor of ones, or what one entry is expanded to.

Which of them are removed makes no difference, so they have labels of their own, as those of a
parameter, and follow the channels that they meet. How many there are, the code says; narrow
networks show whether it says so in numbers or by the size of another tensor.
"""

from supernet.tracing import moves
from supernet.tracing.call import Call
from supernet.tracing.labelling import Labelling


def new(labelling: Labelling, call: Call) -> None:
    """A new tensor; from the one that it may be called on it takes only dtype and device."""
    labelling.label_alike(call.result, range(call.result.dim()))


def expanded(labelling: Labelling, call: Call) -> None:
    """Expanded or repeated: alike along a new dimension, or where there was one entry.

    A buffer of kernels (the filters of a wavelet) is repeated for each channel, all together.
    """
    moves.carry(labelling, call)
    x, out = call.args[0], call.result
    new_dims = range(-out.dim(), 0)
    labelling.label_alike(out, [d for d in new_dims if x.dim() < -d or x.shape[d] == 1])
    are_kernels = labelling.is_buffer(x) and x.dim() == out.dim() > 2
    if are_kernels and 1 < len(x) < len(out) and x.shape[1:] == out.shape[1:]:
        labelling.keep(labelling.axes_of(x)[0], "repeated for each channel")
        labelling.label_alike(out, [0], block=len(x))
