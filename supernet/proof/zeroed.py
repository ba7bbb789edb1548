"""Zeroed: the full network with the weights of removed channels set to 0, in which nothing is cut.

Where channels are only multiplied with weights and added up, a channel of zeros is the same as
none, so that a subnet must compute what this network does.
"""

import torch
from torch import Tensor, nn

from supernet.elastic.narrow import narrow
from supernet.elastic.supernet import Supernet
from supernet.space import SubnetConfig


def zeroed(supernet: Supernet, config: SubnetConfig) -> tuple[nn.Module, dict[str, Tensor]]:
    """The network, in eval mode, and the full tensors that its gradients reach, by name."""
    named = dict(supernet.model.named_parameters())
    full = {name: p.detach().requires_grad_(p.is_floating_point()) for name, p in named.items()}
    masked = {name: tensor * mask(supernet, config, name, tensor) for name, tensor in full.items()}
    buffers = {name: buffer.clone() for name, buffer in supernet.model.named_buffers()}
    return narrow(supernet.model, masked | buffers).eval(), full


def mask(supernet: Supernet, config: SubnetConfig, name: str, tensor: Tensor) -> Tensor:
    """1 where an entry of the tensor `name` stays, 0 where it is removed; it broadcasts."""
    kept, product = supernet.kept_counts(config), torch.ones((), dtype=tensor.dtype)
    for d, dim in enumerate(supernet.channels.dims.get(name, ())):
        if dim is not None:
            shape = [1] * tensor.dim()
            shape[d] = -1
            product = product * dim.is_kept(kept).to(tensor.dtype).view(shape)
    return product.to(tensor.device)
