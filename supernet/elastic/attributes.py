"""What modules hold besides parameters, buffers and submodules, translated for a clone of them.

A clone must not compute with the modules that it is a clone of, but an attribute can refer to them:
a method bound in `__init__`, a list of layers, a hook, a partial, a function that has `self` in its
closure. Such values are rebuilt so that they refer to the clones.
"""

import copy
import enum
import functools
import types
import weakref
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from supernet.elastic.unchanged import INTERNAL

OWN = {"_parameters", "_buffers", "_modules"}
"""Attributes that `narrow` sets itself."""

ATOMIC: set[type] = {
    *(int, float, bool, str, bytes, complex, range, slice, type, type(None), type(...)),
    *(torch.dtype, torch.device, torch.memory_format, torch.layout, torch.Size),
    *(types.BuiltinFunctionType, types.ModuleType, torch.Generator),
}
"""Types whose values refer to no module and are never copied."""


CONTAINERS = dict, list, set, deque
"""Types of which a value can be written into."""

EMPTY: set[type] = {dict, OrderedDict, list, set}
"""Types of which an empty value is quickly made anew."""


class Translation:
    """Translates values from the terms of some modules to those of their clones.

    Args:
        clones: for the id of each module and tensor, what stands for it.
        independent: whether everything that can change is copied as well, so that the result shares
            nothing with the original; otherwise what refers to no module is returned as it is.
    """

    def __init__(self, clones: Mapping[int, object], *, independent: bool) -> None:
        self.independent = independent
        self._known: dict[int, Any] = dict(clones)
        self._alive: list[object] = []  # an id names a value only as long as it lives

    def __call__(self, value: Any) -> Any:
        """The value in the clones' terms; the same object where nothing differs."""
        kind = type(value)
        if kind in ATOMIC:
            return value
        if kind in EMPTY and not value:  # most are: a module has a dozen dictionaries of hooks
            return kind() if self.independent else value
        if kind is tuple and all(type(each) in ATOMIC for each in value):
            return value
        if id(value) not in self._known:
            self._known[id(value)] = value  # for what refers to itself
            self._alive.append(value)
            self._known[id(value)] = self._translated(value)
        return self._known[id(value)]

    def _translated(self, value: Any) -> Any:
        match value:
            case type() | enum.Enum():
                return value
            case Tensor():
                return _copied(value) if self.independent else value
            case types.MethodType():
                return self._rebuilt(value, [value.__func__, value.__self__], types.MethodType)
            case types.FunctionType():
                return self._function(value)
            case functools.partial():
                parts = [value.func, value.args, value.keywords]
                return self._rebuilt(value, parts, lambda f, a, k: functools.partial(f, *a, **k))
            case weakref.ref():
                return self._rebuilt(value, [value()], type(value))
            case dict() | list() | tuple() | set() | frozenset() | deque():
                return self._container(value)
        return self._object(value)

    def _rebuilt(self, value: Any, parts: list[Any], build: Any) -> Any:
        """`build` of the translated parts, or `value` itself where these are the same."""
        new = [self(part) for part in parts]
        same = all(one is other for one, other in zip(parts, new, strict=True))
        return value if same else build(*new)

    def _function(self, value: types.FunctionType) -> Any:
        cells = value.__closure__ or ()
        filled = [cell for cell in cells if _is_filled(cell)]
        parts = [value.__defaults__, value.__kwdefaults__, *(c.cell_contents for c in filled)]

        def build(defaults: Any, keyword_defaults: Any, *contents: Any) -> types.FunctionType:
            new = {id(c): types.CellType(x) for c, x in zip(filled, contents, strict=True)}
            closure = tuple(new.get(id(cell), cell) for cell in cells)
            made = types.FunctionType(
                value.__code__, value.__globals__, value.__name__, defaults, closure
            )
            made.__kwdefaults__ = keyword_defaults
            made.__dict__.update(value.__dict__)
            return made

        return self._rebuilt(value, parts, build)

    def _container(self, value: Any) -> Any:
        parts = list(value)
        values = [value[key] for key in parts] if isinstance(value, dict) else []
        new, new_values = [self(part) for part in parts], [self(each) for each in values]
        pairs = zip([*parts, *values], [*new, *new_values], strict=True)
        if all(one is other for one, other in pairs) and not self._is_copied(value):
            return value
        if isinstance(value, tuple | frozenset):
            return value._make(new) if hasattr(value, "_make") else type(value)(new)
        made = copy.copy(value)
        made.clear()
        if isinstance(value, dict):
            made.update(zip(new, new_values, strict=True))
        elif isinstance(value, set):
            made.update(new)
        else:
            made.extend(new)
        return made

    def _is_copied(self, value: Any) -> bool:
        return self.independent and not isinstance(value, tuple | frozenset)

    def _object(self, value: Any) -> Any:
        """Any other object: a copy where it is to be independent or refers to a module."""
        if isinstance(value, nn.Module) and not self.independent:
            return value
        if not hasattr(value, "__dict__") or hasattr(value, "__deepcopy__"):
            return self._deep_copy(value) if self.independent else value
        state = dict(vars(value))
        new = {name: self(each) for name, each in state.items()}
        if not self.independent and all(new[name] is each for name, each in state.items()):
            return value
        try:
            made = copy.copy(value)
            made.__dict__.update(new)
        except Exception:  # an object that cannot be copied (a lock, a file) is shared
            return value
        return made

    def _deep_copy(self, value: Any) -> Any:
        try:
            return copy.deepcopy(value, dict(self._known))
        except Exception:  # see above
            return value


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # a variable that has no value yet
        return False


def _copied(tensor: Tensor) -> Tensor:
    """A copy with no history (a computed weight has one)."""
    new = tensor.detach().clone()
    return nn.Parameter(new, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else new


def attributes(model: nn.Module) -> Iterator[tuple[nn.Module, str, Any]]:
    """Module, name and value of each attribute that could refer to something."""
    for module in model.modules():
        for name, value in module.__dict__.items():
            if type(value) not in ATOMIC and name not in OWN:
                yield module, name, value


def referring(model: nn.Module) -> tuple[tuple[str, str], ...]:
    """Those of `attributes` that a clone must not share.

    Their value refers to a module, parameter or buffer of `model`, or is a container (see `Owned`)
    that a user's module may write into.
    """
    parts = [*model.modules(), *model.parameters(), *model.buffers()]
    translate = Translation({id(part): _Clone() for part in parts}, independent=False)
    paths = {module: path for path, module in model.named_modules()}
    return tuple(
        (paths[module], name)
        for module, name, value in attributes(model)
        if translate(value) is not value or _is_writable(module, name, value)
    )


def _is_writable(module: nn.Module, name: str, value: Any) -> bool:
    is_own = type(module).__module__.startswith("torch.nn.modules.")
    return isinstance(value, CONTAINERS) and name not in INTERNAL and not is_own


class Owned:
    """Copies of the containers that a clone's modules hold: what one caches, no other finds.

    One that several modules hold stays one.
    """

    def __init__(self) -> None:
        self._copies: dict[int, Any] = {}
        self._alive: list[object] = []  # an id names a value only as long as it lives

    def __call__(self, value: Any) -> Any:
        """A shallow copy of a container; anything else as it is."""
        if not isinstance(value, CONTAINERS):
            return value
        if id(value) not in self._copies:
            self._copies[id(value)] = copy.copy(value)
            self._alive.append(value)
        return self._copies[id(value)]


class _Clone:
    """Stands for the clone of a module or a tensor."""


def unregistered(model: nn.Module) -> str | None:
    """The attribute that holds a layer which `model.parameters()` does not list; None if none."""
    paths = {module: path for path, module in model.named_modules()}
    for owner, name, value in attributes(model):
        for module in _modules_in(value):
            if module not in paths and any(p.requires_grad for p in module.parameters()):
                return f"{paths[owner]}.{name}".lstrip(".")
    return None


def _modules_in(value: Any) -> Iterator[nn.Module]:
    if isinstance(value, nn.Module):
        yield value
    elif isinstance(value, list | tuple | set | frozenset | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _modules_in(each)
