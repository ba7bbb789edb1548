"""The full network in which removed channels are zero."""

from typing import Any

import torch
from torch import nn

from supernet.elastic.supernet import Supernet
from supernet.proof.zeroed import mask, zeroed
from supernet.space import SearchSpace, SubnetConfig

CONFIG = SubnetConfig(width_mults=(0.5,), resolution=8)


def test_removed_entries_are_zero_and_gradients_reach_the_full_tensors() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4)
    )
    supernet = Supernet(model, torch.empty(1, 3, 8, 8), SearchSpace(resolutions=(8,)))
    network, full = zeroed(supernet, CONFIG)
    weight: Any = network.get_submodule("0").weight
    assert not weight[8:].any()
    assert torch.equal(weight[:8], model.get_parameter("0.weight")[:8])
    network(torch.ones(1, 3, 8, 8)).sum().backward()
    gradient = full["3.weight"].grad
    assert gradient is not None
    assert gradient[:, :8].any()
    assert not gradient[:, 8:].any()
    assert mask(supernet, CONFIG, "3.bias", model.get_parameter("3.bias")) == 1
