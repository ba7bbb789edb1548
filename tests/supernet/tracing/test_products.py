import pytest
import torch
from torch import nn

from supernet.tracing import Trace, divide, follow_paths


def groups_of(divisor: int, *layers: nn.Module) -> tuple[list[tuple[int, int]], set[str]]:
    """(places, channels a place) of each group, and the weights that lose groups."""
    model = nn.Sequential(*layers).to("meta")
    trace = Trace(model, divisor)
    with follow_paths(model) as paths:
        trace.run(model, (torch.empty(2, 4, 4, 4, device="meta"),), paths)
    labelling = trace.labelling
    return [(group.size, group.unit) for group in divide(labelling).groups], labelling.losing_groups


def test_a_grouped_convolution_of_many_small_groups_loses_whole_groups() -> None:
    layers = nn.Conv2d(4, 32, 1), nn.Conv2d(32, 64, 1, groups=16), nn.Conv2d(64, 2, 1)
    assert groups_of(1, *layers) == ([(16, 2)], {"1.weight"})


def test_a_grouped_convolution_of_few_large_groups_shrinks_each() -> None:
    layers = nn.Conv2d(4, 32, 1), nn.Conv2d(32, 64, 1, groups=2), nn.Conv2d(64, 2, 1)
    assert groups_of(1, *layers) == ([(16, 1), (32, 2)], set())


@pytest.mark.parametrize("groups", [1, 2, 32])
def test_a_transposed_convolution_is_the_same_the_other_way(groups: int) -> None:
    layers = nn.Conv2d(4, 32, 1), nn.ConvTranspose2d(32, 64, 2, groups=groups), nn.Conv2d(64, 2, 1)
    found = {1: [(32, 1), (64, 1)], 2: [(16, 2), (32, 1)], 32: [(32, 1)]}
    assert groups_of(1, *layers)[0] == found[groups]
