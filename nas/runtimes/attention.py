"""Attention in the four dimensions (batch, heads, positions, features) that exporters know.

PyTorch's function takes any number of dimensions before the last two; networks with windows use
five, others three.
"""

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

DIMS = 4


class AttentionIn4D(TorchFunctionMode):
    """Within `with`, `F.scaled_dot_product_attention` runs on tensors of four dimensions."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call `func`; attention in another number of dimensions with reshaped tensors."""
        kwargs = dict(kwargs or {})
        if func is not F.scaled_dot_product_attention:
            return func(*args, **kwargs)
        names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        query = given["query"]
        if query.dim() == DIMS or any(
            given[name].shape[:-2] != query.shape[:-2] for name in ("key", "value")
        ):
            return func(**given)
        lead = query.shape[:-2]
        for name in ("query", "key", "value"):
            given[name] = _in_4d(given[name])
        mask = given.get("attn_mask")
        if mask is not None and mask.dim() > 2:
            given["attn_mask"] = _in_4d(mask.expand(*lead, *mask.shape[-2:]))
        out: Tensor = func(**given)
        return out.reshape(*lead, *out.shape[-2:])


def _in_4d(x: Tensor) -> Tensor:
    """All but the last three dimensions as one; (batch, positions, features) as one head."""
    return x.unsqueeze(1) if x.dim() < DIMS else x.flatten(0, -DIMS)
