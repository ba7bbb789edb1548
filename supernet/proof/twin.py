"""Twin: a copy of a supernet, in another precision, that a proof may run and destroy."""

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from supernet.elastic.narrow import narrow
from supernet.elastic.supernet import Supernet

ASLEEP = 1e-3
"""Parameters of which no entry is larger hide what they are multiplied with: they get others."""
AWAKE = 0.1
"""The standard deviation of what they get."""


def twin_of(supernet: Supernet, dtype: torch.dtype) -> Supernet:
    """An independent copy with contiguous tensors of `dtype`, and a width for each channel group.

    All its floating-point parameters are trainable. Those that begin as (nearly) zero, such as the
    scale of a branch, have random values, drawn from torch's generator.
    """
    model = supernet.model
    named = [*model.named_parameters(), *model.named_buffers()]
    tensors = {name: _converted(tensor, dtype) for name, tensor in named}
    twin = copy.copy(supernet)
    twin._modules = {"model": narrow(model, tensors, independent=True)}
    num_groups = len(supernet.channels.groups)
    twin.width_of = tuple(range(num_groups))
    twin.space = replace(supernet.space, groups="layer", num_groups=max(1, num_groups))
    return twin


@torch.no_grad()
def _converted(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    new = tensor.detach().clone(memory_format=torch.contiguous_format)
    if not new.is_floating_point():
        return nn.Parameter(new, False) if isinstance(tensor, nn.Parameter) else new
    new = new.to(dtype)
    if not isinstance(tensor, nn.Parameter):
        return new
    if new.numel() and new.abs().max() < ASLEEP:
        new.normal_(0, AWAKE)
    return nn.Parameter(new)
