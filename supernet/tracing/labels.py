"""Labels: integers that stand for channels, and which of them stand for the same channel."""

import torch
from torch import Tensor

KEPT = 0
"""The label of channels that always stay: of images, of classes, of unknown operations."""


class Labels:
    """Disjoint sets of labels (union-find over whole vectors at once).

    The root of a set is its lowest label, so the set of `KEPT` has the root `KEPT`.
    """

    def __init__(self) -> None:
        self._parents = torch.arange(1024)
        self._count = KEPT + 1

    def __len__(self) -> int:
        return self._count

    def copy(self) -> "Labels":
        """An independent copy."""
        other = Labels()
        other._parents, other._count = self._parents.clone(), self._count
        return other

    def fresh(self, count: int) -> Tensor:
        """Return `count` new labels, each in a set of its own; int64, (count,)."""
        start, self._count = self._count, self._count + count
        if self._count > len(self._parents):
            more = torch.arange(len(self._parents), 2 * self._count)
            self._parents = torch.cat([self._parents, more])
        return torch.arange(start, self._count)

    def roots(self, labels: Tensor) -> Tensor:
        """Return the root of each label's set, in the shape of `labels`."""
        labels = labels.clone(memory_format=torch.contiguous_format)
        roots = self._parents[labels]
        while not torch.equal(above := self._parents[roots], roots):
            roots = above
        self._parents[labels] = roots  # path compression
        return roots

    def unite(self, first: Tensor, second: Tensor) -> None:
        """Unite the sets of `first[i]` and `second[i]`; the shapes broadcast."""
        first, second = self.roots(compact(first)), self.roots(compact(second))
        one, other = (side.flatten() for side in torch.broadcast_tensors(first, second))
        while not torch.equal(one, other):
            # Roots only ever point to lower roots, so there is no cycle. A root that is united with
            # several others takes the lowest first and the rest in the next round.
            high, low = torch.maximum(one, other), torch.minimum(one, other)
            self._parents.scatter_reduce_(0, high, low, "amin")
            one, other = self.roots(one), self.roots(other)

    def is_kept(self, labels: Tensor) -> Tensor:
        """Whether each of these channels stays at full width; bool, in the shape of `labels`."""
        return self.roots(labels) == KEPT

    def keep(self, labels: Tensor) -> None:
        """Keep these channels at full width."""
        self.unite(labels, torch.tensor(KEPT))

    def tie_rows(self, table: Tensor, dim: int = 0) -> Tensor:
        """Unite the labels along `dim` of `table`; return one row of it."""
        row = table.narrow(dim, 0, 1)
        self.unite(table, row)
        return row.squeeze(dim)


def compact(labels: Tensor) -> Tensor:
    """Drop the repetitions of an expanded tensor, so that each channel is processed once."""
    for dim, stride in enumerate(labels.stride()):
        if stride == 0:
            labels = labels.narrow(dim, 0, 1)
    return labels
