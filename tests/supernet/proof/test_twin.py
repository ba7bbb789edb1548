"""A copy in another precision."""

import torch
from torch import nn

from supernet.elastic.supernet import Supernet
from supernet.proof.twin import twin_of
from supernet.space import SearchSpace


def test_a_twin_is_independent_awake_and_has_a_width_for_each_group() -> None:
    layers = nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.Conv2d(16, 16, 3)
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4))
    nn.init.zeros_(model.get_parameter("1.weight"))
    model[0].requires_grad_(False)
    space = SearchSpace(resolutions=(8,), groups="one")
    supernet = Supernet(model, torch.empty(1, 3, 8, 8), space)
    twin = twin_of(supernet, torch.float64)
    assert (supernet.space.num_groups, twin.space.num_groups) == (1, 2)
    assert twin.kept_counts(twin.space.largest) == (16, 16)
    assert all(p.dtype == torch.float64 and p.requires_grad for p in twin.parameters())
    assert twin.model.get_parameter("1.weight").abs().min() > 0
    with torch.no_grad():
        twin.model.get_parameter("0.weight").zero_()
    assert model.get_parameter("0.weight").any()
    assert not model.get_parameter("1.weight").any()
