"""Notes: with which numbers and in which precision a network computes."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Notes(TorchDispatchMode):
    """Within `with`, notes the plain numbers that elementwise operations take, and dtypes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers: list[object] = []
        self.dtypes: set[torch.dtype] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run `func`; note its numbers, and the dtypes of what it returns."""
        result = func(*args, **(kwargs or {}))
        if torch.Tag.pointwise in func.tags:
            self.numbers += [x for x in tree_leaves(args) if isinstance(x, int | float)]
        for x in tree_leaves(result):
            if isinstance(x, Tensor) and x.is_floating_point():
                self.dtypes.add(x.dtype)
        return result
