"""Sort each group's channels by importance, so that narrow subnets keep the important ones."""

import torch
from torch import Tensor

from supernet.elastic.dims import Dim
from supernet.elastic.supernet import Supernet


@torch.no_grad()
def sort_by_importance(supernet: Supernet) -> None:
    """Permute each group's channels, the most important one first.

    A channel's importance is the L1 norm of the weights that make it (Li et al. 2017, Pruning
    Filters for Efficient ConvNets, section 3.1), summed over the layers that share it. Mutates the
    parameters and buffers of `supernet.model`; at width 1.0 the network computes the same function
    (sums are taken in another order, so results differ by rounding). Equal channels keep their
    order.
    """
    channels, model = supernet.channels, supernet.model
    scores = [torch.zeros(group.size, dtype=torch.float64) for group in channels.groups]
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    for name, dim_made in channels.made_dims.items():
        dim = channels.dims.get(name, (None,) * (dim_made + 1))[dim_made]
        if dim is not None:
            others = [d for d in range(tensors[name].dim()) if d != dim_made]
            _add_up(scores, dim, tensors[name].abs().double().sum(others).cpu())
    orders = [torch.argsort(score, descending=True, stable=True) for score in scores]
    for name, dims in channels.dims.items():
        for d, dim in enumerate(dims):
            if dim is not None:
                index = source_entries(dim, orders).to(tensors[name].device)
                tensors[name].copy_(tensors[name].index_select(d, index))


def _add_up(scores: list[Tensor], dim: Dim, norms: Tensor) -> None:
    for group in dim.groups.unique().tolist():
        if group >= 0:
            mine = dim.groups == group
            scores[group].index_add_(0, dim.positions[mine], norms[mine])


def source_entries(dim: Dim, orders: list[Tensor]) -> Tensor:
    """For each entry of a dimension, the entry that takes its place when groups are reordered.

    `orders[group][place]` is the place whose channel moves to `place`. Where a place has several
    entries, the first takes the first's place and so on.
    """
    source = torch.arange(len(dim.groups))
    for group in dim.groups.unique().tolist():
        if group < 0:
            continue
        entries = (dim.groups == group).nonzero().flatten()
        by_place = entries[torch.argsort(dim.positions[entries], stable=True)]
        table = by_place.view(len(orders[group]), -1)  # place x its entries
        source[table] = table[orders[group]]
    return source
