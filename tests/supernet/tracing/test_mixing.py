"""Which channels an operation combines with each other other than by weights."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.space import SearchSpace


class Network(nn.Module):
    def __init__(self, between: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 16, 1)
        self.head = nn.Linear(16, 4)
        self.between = between

    def forward(self, x: Tensor) -> Tensor:
        x = self.second(self.between(self.first(x)))
        logits: Tensor = self.head(x.mean((2, 3)))
        return logits


def is_mixed(between: Callable[[Tensor], Tensor]) -> bool:
    network = Network(between)
    channels = Supernet(network, torch.empty(1, 3, 8, 8), SearchSpace(resolutions=(8,))).channels
    assert len(channels.groups) == 2
    return 0 in channels.mixed


MIXING: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda x: x * x.mean(1, keepdim=True),
    "mean of all": lambda x: x * x.mean(),
    "maximum": lambda x: x * x.amax((1, 2), keepdim=True),
    "softmax": lambda x: x.softmax(1),
    "norm": lambda x: F.normalize(x, dim=1),
    "layer norm": lambda x: F.layer_norm(x.movedim(1, 3), x.shape[1:2]).movedim(3, 1),
    "group norm": lambda x: F.group_norm(x, 2),
    "product of activations": lambda x: x * (x.flatten(2).mT @ x.flatten(2)).sum((1, 2))[0],
}
SEPARATE: dict[str, Callable[[Tensor], Tensor]] = {
    "elementwise": lambda x: (x * 2).sigmoid(),
    "mean over positions": lambda x: x * x.mean((2, 3), keepdim=True),
    "softmax over positions": lambda x: x.flatten(2).softmax(2).view_as(x),
    "BN": lambda x: F.batch_norm(x, None, None, training=True),
}


@pytest.mark.parametrize("name", MIXING)
def test_channels_are_combined(name: str) -> None:
    assert is_mixed(MIXING[name])


@pytest.mark.parametrize("name", SEPARATE)
def test_channels_stay_apart(name: str) -> None:
    assert not is_mixed(SEPARATE[name])
