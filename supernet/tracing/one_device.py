"""Operations on the meta device, in networks that also make tensors on another one."""

from typing import Any

from torch import Tensor, ops
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from supernet.tracing.shapes import quick_result

DRAWS = {ops.aten.rand, ops.aten.randn, ops.aten.randint, ops.aten.randperm}
"""Operations that draw random numbers for a tensor made from nothing."""


def run_on_one_device(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run an operation; tensors that are neither parameter nor buffer are moved to meta.

    Random numbers are drawn on the CPU, so that the network may look at them: layers are skipped
    that way.
    """
    quick = quick_result(func, args, kwargs)
    if quick is not None:
        return quick
    tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
    if any(x.is_meta for x in tensors) and not all(x.is_meta for x in tensors):
        args, kwargs = tree_map_only(Tensor, lambda x: x.to("meta"), (args, kwargs))
    if func.overloadpacket in DRAWS and not tensors:
        kwargs = {**kwargs, "device": "cpu"}
    return func(*args, **kwargs)


class OneDevice(TorchDispatchMode):
    """Within `with`, each operation runs by `run_on_one_device`."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run `func`."""
        return run_on_one_device(func, args, kwargs or {})
