"""Paths: which module is running, tracked by hooks."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Site:
    """Which step of a network an operation is."""

    path: str
    """The innermost running module, such as `features.3`; empty: the network itself."""
    operation: str
    """Its name, such as `aten.view`."""
    number: int
    """How often that call of the module has run this operation, with this time."""


class Paths:
    """The stack of modules that are running; see `follow_paths`."""

    def __init__(self) -> None:
        self._modules = [""]
        self._counts = [Counter[str]()]

    def enter(self, path: str) -> None:
        """Push a module that begins to run."""
        self._modules.append(path)
        self._counts.append(Counter())

    def leave(self) -> None:
        """Pop the module that began last."""
        self._modules.pop()
        self._counts.pop()

    def next_site(self, operation: str) -> Site:
        """The site of the operation that runs now."""
        counts = self._counts[-1]
        counts[operation] += 1
        return Site(self._modules[-1], operation, counts[operation])


@contextmanager
def follow_paths(model: nn.Module) -> Iterator[Paths]:
    """Yield Paths that follow the modules of `model`, and of its narrow clones, as they run."""
    paths = Paths()

    def enter(path: str) -> Any:
        return lambda *_: paths.enter(path)

    modules = list(model.named_modules())
    hooks = [
        module.register_forward_pre_hook(enter(path), prepend=True) for path, module in modules
    ]
    hooks += [
        module.register_forward_hook(lambda *_: paths.leave(), always_call=True)
        for _, module in modules
    ]
    try:
        yield paths
    finally:
        for hook in hooks:
            hook.remove()
