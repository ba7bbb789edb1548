"""Attributes of modules that state sizes as plain numbers, and follow the channels they count.

Code like `x.reshape(n, m, self.num_heads, self.head_dim)` narrows where `self.head_dim` does. Which
attribute counts which channels, its value shows, and a narrow network that runs.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from supernet.elastic.dims import Dim
from supernet.elastic.follows import Follows
from supernet.tracing import Partition

LEAST = 2
"""Smaller numbers are no sizes."""


Attribute = tuple[str, str]
"""A module's path and the attribute's name."""


def counting(module: nn.Module, axes: Iterable[Tensor | None]) -> dict[str, Tensor]:
    """Attributes of `module` that may count the channels of one of `axes`, with its labels.

    Where an attribute fits several, the first. None of torch's own layers that have parameters:
    `narrow` knows these.
    """
    if type(module).__module__.startswith("torch.nn.") and any(True for _ in module.parameters()):
        return {}
    by_size: dict[int, Tensor] = {}
    for axis in axes:
        if axis is not None and len(axis) >= LEAST:
            by_size.setdefault(len(axis), axis)
    return {
        name: by_size[size]
        for name, value in vars(module).items()
        for size in [next((n for n in _numbers(value) if n in by_size), 0)]
        if size
    }


def _numbers(value: Any) -> Iterator[int]:
    values = value if type(value) in (list, tuple) else [value]
    yield from (each for each in values if type(each) is int)


def resolve(
    attributes: Mapping[Attribute, Tensor],
    groups: Partition,
    dims: Mapping[str, tuple[Dim | None, ...]],
) -> dict[Attribute, Follows]:
    """For each attribute, by the root labels that it counts: what it follows, if they can shrink.

    They must be of one channel group, of which a tensor has a dimension to itself.
    """
    of_group: dict[int, tuple[str, int]] = {}
    for name, entries in dims.items():
        for d, dim in enumerate(entries):
            if dim is not None and bool((dim.groups == dim.groups[0]).all()):
                of_group.setdefault(int(dim.groups[0]), (name, d))
    found = {}
    for attribute, roots in attributes.items():
        mine = groups.group_of[roots]
        group = int(mine[0])
        if group >= 0 and bool((mine == group).all()) and group in of_group:
            name, d = of_group[group]
            found[attribute] = Follows(size=len(roots), name=name, dim=d)
    return found
