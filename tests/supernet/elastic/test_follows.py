"""What an attribute is in a narrow network."""

import pytest
import torch

from supernet.elastic.follows import Follows


@pytest.mark.parametrize(
    ("before", "after"), [(32, 8), ((32, 1, 1), (8, 1, 1)), ([16, 32], [16, 8])]
)
def test_the_size_shrinks_in_proportion(before: object, after: object) -> None:
    follows = Follows(size=32, name="qkv.weight", dim=0)
    full, narrow = torch.empty(96, 3), torch.empty(24, 3)
    assert follows.value(before, full, narrow) == after
