"""Detects operations that multiply and add, but that PyTorch's counter has no formula for.

Limit: products of two activations are detected only if listed in `WITHOUT_FORMULA`; elementwise
products are counted only if one factor is a weight matrix (so not those of F.cosine_similarity,
which scales first).
"""

from collections import Counter
from collections.abc import Callable, Container
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from supernet.tracing import num_values, run_on_one_device

OWN_NAMESPACES = {"aten", "prim", "prims"}
"""Namespaces of PyTorch's own operations; an operation of another package may compute anything."""

WITHOUT_FORMULA = ("_pdist", "_linalg_", "linalg_")
"""Name prefixes of operations that multiply and add for any inputs."""

MOVING = (
    *("cat", "stack", "copy", "index", "gather", "scatter", "select", "slice", "fill", "embedding"),
    "norm",
)
"""Parts of the names of operations that only move weights or scale by them."""


class UncountedOperations(TorchDispatchMode):
    """Dispatch mode that records operations that should be counted but have no formula.

    These are: operations of other packages; those in `WITHOUT_FORMULA`; and any operation of a
    weight matrix (more than one dimension, unlike a scale or shift per channel) with activations,
    unless it only moves or scales values. Tensors computed from weights alone count as weights.
    `found` has the first of them in each layer; `terms` has, by layer, the number of elementwise
    products that are terms of a matrix product.

    Args:
        network: its parameters and buffers are the weights.
        counted: the operations (overload packets) that have a formula.
        where: returns the name of the running layer.
    """

    def __init__(
        self, network: nn.Module, counted: Container[Any], where: Callable[[], str]
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._counted, self._where = counted, where
        self.found: dict[str, str] = {}
        self.terms: Counter[str] = Counter()
        # Tensors that do not depend on the image, by id. Keeping the tensors alive keeps their ids
        # unique.
        self._constants = {id(t): t for t in (*network.parameters(), *network.buffers())}
        self._weights = set(self._constants)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = run_on_one_device(func, args, kwargs or {})
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        outputs = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        if all(id(tensor) in self._constants for tensor in inputs):
            self._constants.update({id(tensor): tensor for tensor in outputs})
            if any(id(tensor) in self._weights for tensor in inputs):
                self._weights.update(map(id, outputs))
        elif func.overloadpacket not in self._counted and self._multiplies(func, inputs, outputs):
            self.found.setdefault(self._where(), str(func.overloadpacket))
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
            # Scaling keeps the number of activations; broadcasting to more yields the terms of a
            # matrix product.
            activations = [num_values(t) for t in inputs if id(t) not in self._weights]
            if "mul" in name and outputs[0].numel() > max(activations):
                self.terms[self._where()] += outputs[0].numel()
            return False
        return not any(part in name for part in MOVING)


def _is_matrix(tensor: Tensor) -> bool:
    return sum(size > 1 for size in tensor.shape) > 1
