"""Sort each group's channels by importance, so that narrow subnets keep the important ones."""

from collections.abc import Collection

import torch
from torch import Tensor, nn

from supernet.elastic.channels import floating_dtype
from supernet.elastic.dims import Channels, Dim
from supernet.elastic.narrow import narrow
from supernet.elastic.supernet import Supernet
from supernet.seeding import seeded
from supernet.tracing import find_tensors

TOLERANCE = 1e-6
"""Largest difference from the unsorted network, relative to how much images differ in outputs."""
ROUNDING = {torch.float64: 1e-12}
"""What rounding may cause, relative to the largest output."""
COARSE = 1e-3
"""The same for networks that do not run in float64."""


@torch.no_grad()
def sort_by_importance(supernet: Supernet) -> None:
    """Permute each group's channels, the most important one first.

    A channel's importance is the L1 norm of the weights that make it (Li et al. 2017, Pruning
    Filters for Efficient ConvNets, section 3.1), summed over the layers that share it. Mutates the
    parameters and buffers of `supernet.model`; at width 1.0 the network computes the same function
    (sums are taken in another order, so results differ by rounding). Equal channels keep their
    order.

    So do the channels of a group along which a kernel slides (efficient channel attention), or
    whose order a run on random images in float64 shows to matter.
    """
    channels, model = supernet.channels, supernet.model
    orders = _orders(model, channels)
    check = _Check(supernet)
    allowed = [g for g in range(len(orders)) if g not in channels.ordered]
    if not check.is_same(_permuted(model, channels, orders, allowed)):
        allowed = [
            group for group in allowed if check.is_same(_permuted(model, channels, orders, [group]))
        ]
    if check.is_same(permuted := _permuted(model, channels, orders, allowed)):
        tensors = _tensors(model)
        for name, tensor in permuted.items():
            tensors[name].copy_(tensor)


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _orders(model: nn.Module, channels: Channels) -> list[Tensor]:
    """For each group, the places of its channels, the most important one first."""
    scores = [torch.zeros(group.size, dtype=torch.float64) for group in channels.groups]
    tensors = _tensors(model)
    for name, dim_made in channels.made_dims.items():
        dim = channels.dims.get(name, (None,) * (dim_made + 1))[dim_made]
        if dim is not None:
            others = [d for d in range(tensors[name].dim()) if d != dim_made]
            _add_up(scores, dim, tensors[name].abs().double().sum(others).cpu())
    return [torch.argsort(score, descending=True, stable=True) for score in scores]


def _permuted(
    model: nn.Module, channels: Channels, orders: list[Tensor], sorted_groups: Collection[int]
) -> dict[str, Tensor]:
    """The tensors that change when these groups are reordered, by name."""
    unsorted = [torch.arange(len(order)) for order in orders]
    orders = [orders[g] if g in sorted_groups else unsorted[g] for g in range(len(orders))]
    tensors, permuted = _tensors(model), {}
    for name, dims in channels.dims.items():
        tensor = tensors[name]
        for d, dim in enumerate(dims):
            if dim is not None:
                tensor = tensor.index_select(d, source_entries(dim, orders).to(tensor.device))
        permuted[name] = tensor
    return permuted


class _Check:
    """Compares a network with reordered tensors to the network, on random images in eval mode.

    In float64, or in its own dtype where it does not run in that.
    """

    def __init__(self, supernet: Supernet) -> None:
        self.supernet, self.tensors = supernet, _tensors(supernet.model)
        self.dtype = torch.float64
        try:
            self.expected = self._outputs({})
        except Exception:  # a user's network may raise anything
            self.dtype = floating_dtype(supernet.model) or torch.float32
            self.expected = self._outputs({})

    def is_same(self, permuted: dict[str, Tensor]) -> bool:
        """Whether all outputs are the same but for rounding."""
        pairs = zip(self._outputs(permuted), self.expected, strict=True)
        return all(self._is_near(one, other) for one, other in pairs if other.numel())

    def _is_near(self, one: Tensor, other: Tensor) -> bool:
        differing = (other - other.mean(0, keepdim=True)).abs().max()
        rounding = ROUNDING.get(self.dtype, COARSE) * other.abs().max()
        bound = torch.maximum(TOLERANCE * differing, rounding)
        return bool((one - other).abs().max() <= bound)

    def _outputs(self, permuted: dict[str, Tensor]) -> list[Tensor]:
        tensors = {name: self._converted(t) for name, t in (self.tensors | permuted).items()}
        network = narrow(self.supernet.model, tensors, independent=True).eval()
        generator, device = torch.Generator().manual_seed(0), next(iter(tensors.values())).device
        inputs = [
            torch.randn(each.shape, generator=generator, dtype=self.dtype).to(device)
            if each.is_floating_point()
            else torch.zeros_like(each, device=device)
            for each in self.supernet.example_inputs
        ]
        with seeded(0):
            output = network(*inputs)
        logits = self.supernet.logits
        return list(find_tensors(logits.of_full(network, output)).values())

    def _converted(self, tensor: Tensor) -> Tensor:
        new = tensor.detach().clone()
        new = new.to(self.dtype) if tensor.is_floating_point() else new
        return nn.Parameter(new, False) if isinstance(tensor, nn.Parameter) else new


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
