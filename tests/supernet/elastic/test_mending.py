"""What is tried before channels stay; networks in which it succeeds are in test_following.py."""

import torch
from torch import Tensor, nn

from supernet.elastic.mending import Found
from supernet.elastic.supernet import Supernet
from supernet.proof.proving import prove
from supernet.space import SearchSpace
from supernet.tracing import Failure


def test_a_failure_is_further_in_a_later_network_or_pass_or_operation() -> None:
    order = (0, 0, 9), (0, 1, 2), (1, 0, 0)
    places = [Found(widths, number, Failure(i, "")).place for widths, number, i in order]
    assert places == sorted(places)


class Fixed(nn.Module):
    """States a size in the code, which no attribute and no input has."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(32, 48), nn.Linear(24, 4)
        self.halves = 2

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.second(self.first(x).view(-1, 2, 24).sum(1))
        return out


def test_where_nothing_helps_all_is_as_before() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 32), nn.ReLU(), Fixed())
    supernet = Supernet(network, torch.empty(1, 3, 4, 4), SearchSpace(resolutions=(4,)))
    (group,) = supernet.channels.groups
    assert group.layers == ("1",)
    assert not supernet.channels.following
    (kept,) = supernet.channels.kept
    assert (kept.path, kept.num_channels) == ("3", 24)  # of two rows
    assert prove(supernet).dtype == "float64"
