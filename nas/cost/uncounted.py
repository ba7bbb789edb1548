"""Operations that multiply and add, but that PyTorch's counter has no formula for.

Limit: of the products of two activations, those in `WITHOUT_FORMULA` are known; an elementwise
product that is then summed is noticed only where it is with a matrix of weights.
"""

from collections.abc import Callable, Container
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nas.errors import UncountedLayerError

OWN_NAMESPACES = {"aten", "prim", "prims"}
"""Those of PyTorch itself; an operation of another package may compute anything."""

WITHOUT_FORMULA = ("_fft_", "_cdist", "_pdist", "_euclidean_dist", "_linalg_", "linalg_")
"""How the names of operations begin that multiply and add whatever their inputs are."""

MOVING = (
    *("cat", "stack", "copy", "index", "gather", "scatter", "select", "slice", "fill", "embedding"),
    "norm",
)
"""In the names of operations that only move weights or scale by them."""


class UncountedOperations(TorchDispatchMode):
    """While entered, notices operations that should be counted and are not.

    These are: operations of other packages; those in `WITHOUT_FORMULA`; and every operation of a
    matrix of weights (more than one dimension, so not a scale or shift for each channel) with
    activations, unless it only moves or scales. Whatever follows from weights alone is a weight.

    Args:
        network: its parameters and buffers are the weights.
        counted: the operations (overload packets) that have a formula.
        where: the name of the layer that runs now.
    """

    def __init__(
        self, network: nn.Module, counted: Container[Any], where: Callable[[], str]
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._counted, self._where = counted, where
        self._found: dict[str, str] = {}
        # What does not follow from the image, by id; to hold the tensors keeps their ids unique.
        self._known = {id(t): t for t in (*network.parameters(), *network.buffers())}
        self._weights = set(self._known)

    def require_none(self, network: nn.Module) -> None:
        """Raise UncountedLayerError where an operation was noticed."""
        for layer, operation in self._found.items():
            kind = type(network.get_submodule(layer)).__name__
            raise UncountedLayerError(
                f"every product must have a formula, but '{layer}' is a {kind}, whose {operation} "
                "has none; build it from convolutions and matrix products or give it one with "
                "torch.utils.flop_counter.register_flop_formula"
            )

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        outputs = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        if all(id(tensor) in self._known for tensor in inputs):
            self._known.update({id(tensor): tensor for tensor in outputs})
            if any(id(tensor) in self._weights for tensor in inputs):
                self._weights.update(map(id, outputs))
        elif func.overloadpacket not in self._counted and self._multiplies(func, inputs, outputs):
            self._found.setdefault(self._where(), str(func.overloadpacket))
        return out

    def _multiplies(self, func: Any, inputs: list[Tensor], outputs: list[Tensor]) -> bool:
        name = func.overloadpacket.__name__
        if func.namespace not in OWN_NAMESPACES:
            return True
        if name.startswith(WITHOUT_FORMULA):
            return "norm" not in name
        if not any(id(tensor) in self._weights and _is_matrix(tensor) for tensor in inputs):
            return False
        if torch.Tag.pointwise in func.tags:
            # Scaling each activation gives as many numbers; more are the terms of a product.
            given = max(t.numel() for t in inputs if id(t) not in self._weights)
            return "mul" in name and outputs[0].numel() > given
        return not any(part in name for part in MOVING)


def _is_matrix(tensor: Tensor) -> bool:
    return sum(size > 1 for size in tensor.shape) > 1
