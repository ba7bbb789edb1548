"""Follows: what an attribute that states a size is the size of."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True, kw_only=True, order=True)
class Follows:
    """What an attribute counts: in proportion to a dimension of a tensor of the network."""

    size: int
    """The number, which is the attribute's value or an entry of that."""
    name: str
    """The parameter or buffer."""
    dim: int

    def value(self, before: Any, full: Tensor, narrow: Tensor) -> Any:
        """The attribute's value in a network that has `narrow` instead of the tensor `full`."""
        size = self.size * narrow.shape[self.dim] // full.shape[self.dim]
        if isinstance(before, int):
            return size
        return type(before)(size if entry == self.size else entry for entry in before)
