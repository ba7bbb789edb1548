"""Attributes of modules that state sizes as plain numbers, and follow the channels they count.

Code like `x.reshape(n, m, self.num_heads, self.head_dim)` narrows where `self.head_dim` does. Which
attribute counts which channels, its value shows, and a narrow network that runs.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

LEAST = 2
"""Smaller numbers are no sizes."""


Attribute = tuple[str, str]
"""A module's path and the attribute's name."""


def counting(module: nn.Module, axes: Iterable[Tensor | None]) -> dict[str, dict[int, Tensor]]:
    """Attributes of `module` that may count the channels of some of `axes`.

    By name, for each such number in its value: the labels that it counts, of several that fit the
    first. None of torch's own layers that have parameters: `narrow` knows these.
    """
    if type(module).__module__.startswith("torch.nn.") and any(True for _ in module.parameters()):
        return {}
    by_size: dict[int, Tensor] = {}
    for axis in axes:
        if axis is not None and len(axis) >= LEAST:
            by_size.setdefault(len(axis), axis)
    counted = {
        name: {size: by_size[size] for size in _numbers(value) if size in by_size}
        for name, value in vars(module).items()
    }
    return {name: sizes for name, sizes in counted.items() if sizes}


def followed(value: Any, sizes: Mapping[int, int]) -> Any:
    """What an attribute's `value` is in a narrow network, in which these numbers are others."""
    if isinstance(value, int):
        return sizes[value]
    return type(value)(sizes.get(each, each) for each in value)


def _numbers(value: Any) -> Iterator[int]:
    values = value if type(value) in (list, tuple) else [value]
    yield from (each for each in values if type(each) is int)
