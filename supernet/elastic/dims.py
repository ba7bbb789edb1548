"""Channels: where each group's channels lie in a network's tensors, and how to cut these."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from supernet.elastic.following import Attribute
from supernet.elastic.logits import Logits
from supernet.space import kept_units
from supernet.tracing import Group, Kept


@dataclass(frozen=True, kw_only=True)
class Dim:
    """One dimension of a parameter or buffer whose entries belong to channels."""

    groups: Tensor
    """Index of the group of each entry, or -1 where the entry is always kept; int64, (size,)."""
    positions: Tensor
    """Place of each entry in its group; it stays while this is below the kept count; (size,)."""

    @property
    def prefix_of(self) -> int | None:
        """The group whose channels this dimension holds, in order; None if there is none."""
        group = int(self.groups[0])
        in_order = torch.equal(self.positions, torch.arange(len(self.positions)))
        return group if group >= 0 and in_order and bool((self.groups == group).all()) else None

    def is_kept(self, kept_counts: Sequence[int]) -> Tensor:
        """Whether each entry stays: bool (size,)."""
        counts = torch.tensor([*kept_counts, 1])  # -1, the last: position 0, always kept
        return self.positions < counts[self.groups]


@dataclass(frozen=True, kw_only=True)
class Channels:
    """The channel groups of a network, and which entries of its tensors belong to them."""

    groups: tuple[Group, ...]
    """In the order in which the network makes their channels."""
    dims: dict[str, tuple[Dim | None, ...]]
    """For each parameter and buffer with elastic channels: one entry a dimension."""
    kept: tuple[Kept, ...]
    """What stays at full width besides images and classes, and why."""
    made_dims: dict[str, int]
    """For each weight that makes channels: the dimension that holds them."""
    losing_groups: frozenset[str]
    """Weights of grouped convolutions and group norms that shrink by whole groups."""
    macs: dict[str, int]
    """For each weight: multiply-adds with it, for an image of the traced size."""
    dynamic: tuple[tuple[int, tuple[Dim | None, ...]], ...]
    """Products with buffers, and with kernels that are made of the image or by the code:
    multiply-adds of each, and the kernel's dimensions, or else the channels that it makes."""
    ordered: frozenset[int]
    """Groups whose channels must keep their order, since a kernel slides along them."""
    following: dict[Attribute, dict[int, Dim]]
    """Attributes that state sizes: for each such number in one, what it counts."""
    mixed: frozenset[int]
    """Groups whose channels are combined with each other (normalised, averaged), by means of which
    a channel of zeros is not the same as none."""
    logits: Logits
    """Where the logits are in what the network returns."""

    def kept_counts(self, widths: Sequence[float], divisor: int) -> tuple[int, ...]:
        """Places that each group keeps at its width; see `kept_places`."""
        return tuple(
            kept_places(group, width, divisor)
            for group, width in zip(self.groups, widths, strict=True)
        )

    def sizes(self, kept_counts: Sequence[int]) -> dict[Attribute, dict[int, int]]:
        """What the numbers in the attributes of `following` are at these kept counts."""
        return {
            attribute: {size: int(dim.is_kept(kept_counts).sum()) for size, dim in counted.items()}
            for attribute, counted in self.following.items()
        }

    def selector(self, name: str) -> Callable[[Tensor, Sequence[int]], Tensor]:
        """A function that cuts the named tensor to the kept count of each group.

        It returns a view wherever the kept channels are a prefix, else an indexed copy; gradients
        reach the tensor through both.
        """
        dims = [(d, dim, dim.prefix_of) for d, dim in enumerate(self.dims.get(name, ())) if dim]

        def select(tensor: Tensor, kept_counts: Sequence[int]) -> Tensor:
            for d, dim, prefix_of in dims:
                if prefix_of is not None:
                    tensor = tensor.narrow(d, 0, kept_counts[prefix_of])
                else:
                    index = dim.is_kept(kept_counts).nonzero().flatten()
                    tensor = tensor.index_select(d, index.to(tensor.device))
            return tensor

        return select


def kept_places(group: Group, width: float, divisor: int) -> int:
    """Places that a group keeps, so that its channels are a multiple of its `channel_multiple`."""
    return kept_units(group.num_channels, group.unit, width, divisor)
