"""Unchanged: what a network holds in lists, dicts and objects is put back after a dry run.

A narrow network shares these with the full one. What a forward pass on the meta device adds, such
as a cached grid, fails in a pass with data, and without it the next pass runs the same operations.
"""

import copy
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, MethodType, ModuleType
from typing import Any

from torch import Tensor, nn

INTERNAL = frozenset(nn.Module().__dict__)
"""Attributes of every module: its parameters, buffers, submodules, hooks and mode."""
NOT_OPENED = (Tensor, nn.Module, type, FunctionType, MethodType, ModuleType)
"""Objects whose attributes are not looked at; modules of the network are, one by one."""


@contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """After the block, the containers in the attributes of `model` hold what they held before it.

    They stay the same objects: lists, dicts, sets, deques and the attributes of other objects.
    """
    found: dict[int, Any] = {}
    for module in model.modules():
        for name, value in module.__dict__.items():
            if name not in INTERNAL:
                _find(value, found)
    before = [(container, copy.copy(container)) for container in found.values()]
    try:
        yield
    finally:
        for container, held in before:
            container.clear()
            container.extend(held) if isinstance(held, list | deque) else container.update(held)


def _find(value: Any, found: dict[int, Any]) -> None:
    """Add the containers in `value` to `found`, by id."""
    if isinstance(value, tuple):
        for item in value:
            _find(item, found)
    elif isinstance(value, list | dict | set | deque):
        if id(value) not in found:
            found[id(value)] = value
            for item in value.values() if isinstance(value, dict) else value:
                _find(item, found)
    elif not isinstance(value, NOT_OPENED) and isinstance(
        attributes := getattr(value, "__dict__", None), dict
    ):
        _find(attributes, found)
