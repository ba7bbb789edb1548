"""Sizes that code takes from a module's input, such as the channels of attention heads.

`n, m, c = x.shape; self.qkv(x).reshape(n, m, 3, heads, c // heads)` runs only where queries, keys
and values have as many channels as the input. Labels cannot show that: a size is a plain number.
But where a narrow network fails at such a view, uniting the two may mend it.
"""

from collections.abc import Iterable, Sequence

from torch import Tensor

from supernet.tracing.labelling import Axes
from supernet.tracing.trace import TracedOperation

VIEW = "aten.view"
Pair = tuple[Tensor, Tensor]
"""Labels of two dimensions; the first is as long as the second, or a multiple of it."""
MOST_TIMES = 4
"""How many times as long as the input's a dimension may be (queries, keys and values: 3)."""


Key = tuple[int, int, int]
"""Which dimension of the view, which of its module's, and how many times as long."""


def equal_sizes(operations: Sequence[TracedOperation], index: int) -> dict[Key, Pair]:
    """Dimensions that the view at `index` may need to be as long as its module's input, or n times.

    Pairs of labels: of the view (outputs first), and of what an operation of the same module took,
    the earliest first; the first of a pair is as long as the second, or a multiple of it. Calls of
    other modules of the same code have the same keys.
    """
    view = operations[min(index, len(operations) - 1)]
    path = view.site.path
    if view.name != VIEW or not path:
        return {}
    start = index
    while start and _is_within(operations[start - 1].site.path, path):
        start -= 1
    taken = _axes(axes for operation in operations[start:index] for axes in operation.activations)
    mine = _axes([*(axes for _, axes in view.outputs), *view.activations])
    return {
        (i, j, len(axis) // len(other)): (axis, other)
        for j, other in enumerate(taken)
        for i, axis in enumerate(mine)
        if len(axis) % len(other) == 0 and len(axis) <= MOST_TIMES * len(other)
    }


def _is_within(path: str, module: str) -> bool:
    return f"{path}.".startswith(f"{module}.")


def _axes(found: Iterable[Axes]) -> list[Tensor]:
    """All labelled dimensions, each once, in order."""
    axes = (axis for each in found for axis in each if axis is not None)
    return list({id(axis): axis for axis in axes}.values())
