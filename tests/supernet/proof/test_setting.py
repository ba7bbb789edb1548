"""In which precision and on which images a proof runs."""

import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.proof.setting import inputs_of, macs_of, setting_of
from supernet.space import SearchSpace


class Network(nn.Module):
    """Takes images of `side` px and more, and a second input of that size, and a number."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        self.conv = nn.Conv2d(3, 16, 1)
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor, other: Tensor, number: Tensor) -> Tensor:
        if x.shape[-1] < self.side:
            raise ValueError("too small")
        x = self.conv(x + other) * number[:, None, None, None]
        logits: Tensor = self.head(x.mean((2, 3)))
        return logits


def make(side: int) -> Supernet:
    images = torch.empty(1, 3, 96, 96)
    inputs = images, images, torch.zeros(1, dtype=torch.int64)
    return Supernet(Network(side), inputs, SearchSpace(resolutions=(96, 80)))


@pytest.mark.parametrize(("least", "side"), [(8, 64), (70, 80)])
def test_images_are_small_where_the_network_takes_them(least: int, side: int) -> None:
    twin, dtype, chosen = setting_of(make(least))
    assert (dtype, chosen) == (torch.float64, side)
    images, other, number = inputs_of(twin, dtype, side, 5)
    assert images.shape == other.shape == (5, 3, side, side)
    assert images.dtype == dtype
    assert number.tolist() == [0] * 5
    assert macs_of(twin, side) == pytest.approx(3 * 16 * side**2, rel=0.01)
