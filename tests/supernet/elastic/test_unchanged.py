from collections import deque
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.elastic.unchanged import unchanged
from supernet.space import SearchSpace, SubnetConfig


class Holder:
    def __init__(self) -> None:
        self.values: dict[Any, Any] = {"a": [1]}
        self.me = self


class Holding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.items, self.names = [1, 2], {"a", "b"}
        self.by_name = {"x": ([3], {"y": 4})}
        self.last = deque([5], maxlen=2)
        self.holder = Holder()
        self.layer = nn.Linear(2, 2)
        self.layers = [self.layer]

    def change(self) -> None:
        self.items.append(3)
        self.names.clear()
        self.by_name["x"][0].append(7)
        self.by_name["z"] = ([], {})
        self.last.extend([6, 7])
        self.holder.values["a"].append(2)
        self.holder.other = 3  # type: ignore[attr-defined]
        self.layers.clear()


def test_containers_hold_again_what_they_held_also_after_an_error() -> None:
    network = Holding()
    items, holder = network.items, network.holder

    def fail() -> None:
        with unchanged(nn.Sequential(network)):
            network.change()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert network.items is items
    assert network.holder is holder
    assert items == [1, 2]
    assert network.names == {"a", "b"}
    assert network.by_name == {"x": ([3], {"y": 4})}
    assert list(network.last) == [5]
    assert vars(holder) == {"values": {"a": [1]}, "me": holder}
    assert network.layers == [network.layer]


class Grid(nn.Module):
    """Adds a grid, which it caches in a dict or in an object."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where, self.cache, self.holder = where, dict[Any, Any](), Holder()

    def forward(self, x: Tensor) -> Any:
        cache = self.cache if self.where == "dict" else self.holder.values
        if x.shape[-1] not in cache:
            cache[x.shape[-1]] = torch.linspace(0, 1, x.shape[-1], device=x.device)
        return x + cache[x.shape[-1]]


@pytest.mark.parametrize("where", ["dict", "object"])
def test_a_cache_survives_tracing(where: str) -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3), Grid(where), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4)
    )
    supernet = Supernet(model, torch.empty(1, 3, 12, 12), SearchSpace(resolutions=(12, 8)))
    assert len(supernet.channels.groups) == 1
    for side in (12, 8):
        config = SubnetConfig(width_mults=(0.5,), resolution=side)
        assert supernet(torch.randn(2, 3, side, side), config).shape == (2, 4)
