"""Call: one operation of a forward pass, with its inputs and outputs."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch._ops import OpOverload
from torch.utils._pytree import tree_leaves

BATCH_SIZE = 2
"""Images in a traced batch: BN in training mode needs more than one value per channel."""

LAYOUT = {"aten.clone", "aten.detach", "aten.alias", "aten.contiguous"}
"""Operations that run or not depending on the memory layout, which depends on sizes."""


@dataclass(frozen=True)
class Call:
    """One operation below the Python level (`torch.ops.aten`)."""

    func: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any

    @property
    def operation(self) -> str:
        """Its name without the overload, such as `aten.view`."""
        return operation_name(self.func)

    @property
    def inputs(self) -> list[Tensor]:
        """All tensors among the arguments, including those in lists."""
        return [x for x in tree_leaves((self.args, self.kwargs)) if isinstance(x, Tensor)]

    @property
    def outputs(self) -> list[Tensor]:
        """All tensors that it returned."""
        return [x for x in tree_leaves(self.result) if isinstance(x, Tensor)]

    @property
    def is_in_place(self) -> bool:
        """Whether it writes into its first argument."""
        return isinstance(self.func, OpOverload) and self.func._schema.is_mutable

    def argument(self, name: str) -> Any:
        """An argument by its name in the operation's schema, or its default."""
        func = getattr(self.func, "default", self.func)
        for place, declared in enumerate(func._schema.arguments):
            if declared.name == name:
                if place < len(self.args):
                    return self.args[place]
                return self.kwargs.get(name, declared.default_value)
        return None


def operation_name(func: Any) -> str:
    """The name of an operation (an overload of `torch.ops.aten`), such as `aten.view`."""
    name = str(getattr(func, "overloadpacket", func))
    return "aten.view" if name == "aten._unsafe_view" else name
