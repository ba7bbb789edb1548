"""Shapes of tensors, and of the commonest operations on the meta device, as quickly as can be.

On meta, PyTorch runs batch norm and the activation functions by decompositions in Python, which
took more than half of a conversion.
"""

import math
from typing import Any

import torch
from torch import Tensor, ops

_ACTIVATIONS = {
    *(ops.aten.relu, ops.aten.relu_, ops.aten.leaky_relu, ops.aten.leaky_relu_),
    *(ops.aten.elu, ops.aten.elu_, ops.aten.hardtanh, ops.aten.hardtanh_),
    *(ops.aten.hardswish, ops.aten.hardswish_, ops.aten.hardsigmoid, ops.aten.hardsigmoid_),
    *(ops.aten.sigmoid, ops.aten.sigmoid_, ops.aten.silu, ops.aten.silu_),
    *(ops.aten.gelu, ops.aten.gelu_, ops.aten.mish, ops.aten.mish_),
}


def num_values(tensor: Tensor) -> int:
    """How many values a tensor has, repetitions of an expanded one not counted."""
    sizes = zip(tensor.shape, tensor.stride(), strict=True)
    return math.prod(size for size, stride in sizes if stride != 0)


def quick_result(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """What an operation returns on the meta device; None: run it."""
    x = args[0] if args and not kwargs.keys() - {"approximate"} else None
    if not isinstance(x, Tensor) or not x.is_meta or x.dtype not in (torch.float32, torch.float64):
        return None
    if func.overloadpacket in _ACTIVATIONS:
        return x if func._schema.is_mutable else torch.empty_like(x)
    if func is ops.aten.native_batch_norm.default and x.dim() > 1:
        channels = x.shape[1:2]
        if all(each is None or each.shape == channels for each in args[1:5]):
            return torch.empty_like(x), x.new_empty(channels), x.new_empty(channels)
    return None
