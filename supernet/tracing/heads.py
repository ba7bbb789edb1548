"""Attention heads: where they are, so that whole heads can be removed.

`qkv.reshape(n, m, 3, heads, features)` splits one dimension into several, and nothing there says
which of them may shrink. Where the features are then contracted in a product of two activations,
as those of queries and keys are, they belong to heads.
"""

from collections.abc import Callable

from torch import Tensor

Split = tuple[str, int]
"""Where a dimension is split: the module's path, and how many heads there are."""

HeadCounts = Callable[[int, int], range]
"""Of so many heads with so many features, how many may be left."""
LEAST = 2
"""Where fewer heads would be left, all lose the same features instead: a single head's dimension
has one entry, and PyTorch's operations take such a dimension for one to broadcast."""
FEWEST_WIDTHS = 3
"""Likewise where heads would give fewer widths than this."""


class Heads:
    """The splits into heads of one network.

    Args:
        counts: see `HeadCounts`; None: heads are never removed.
        removed: splits of an earlier trace at which whole heads are removed.
    """

    def __init__(
        self, counts: HeadCounts | None = None, removed: frozenset[Split] = frozenset()
    ) -> None:
        self.removed = removed
        self.found: set[Split] = set()
        """The splits whose features were contracted."""
        self.noted: list[tuple[Tensor, int]] = []
        """Labels of heads that can be removed, and how many features each of them has."""
        self._counts = counts
        self._features: set[tuple[Split, int]] = set()

    def are_enough(self, num_heads: int, num_features: int) -> bool:
        """Whether whole heads can be removed."""
        if self._counts is None:
            return False
        counts = self._counts(num_heads, num_features)
        return len(counts) >= FEWEST_WIDTHS and counts[0] >= LEAST

    def are_removed_in(self, path: str) -> bool:
        """Whether the module of this path splits a dimension into heads that can be removed."""
        return any(path == each for each, _ in self.removed)

    def note_heads(self, labels: Tensor, num_features: int) -> None:
        """These are heads that can be removed, each once however often it is among `labels`."""
        self.noted.append((labels.unique(), num_features))

    def note_split(self, path: str, num_heads: int, num_features: int) -> None:
        """A dimension is split into heads of so many features, or into something else."""
        if self.are_enough(num_heads, num_features):
            self._features.add(((path, num_heads), num_features))

    def note_contraction(self, path: str, size: int) -> None:
        """A dimension of `size` entries is contracted in a product of two activations."""
        for split, num_features in self._features:
            if num_features == size and f"{path}.".startswith(f"{split[0]}."):
                self.found.add(split)
