import torch
from torch import Tensor, nn

from supernet.elastic.channels import trace_channels
from supernet.elastic.dims import Channels, Dim, kept_places
from supernet.space import SearchSpace
from supernet.tracing import Group

SPACE = SearchSpace(resolutions=(8,), divisor=1)


def traced(model: nn.Module) -> Channels:
    return trace_channels(model, torch.empty(1, 3, 8, 8), SPACE)


def test_a_prefix_is_a_view_that_gradients_pass() -> None:
    channels = traced(nn.Sequential(nn.Conv2d(3, 6, 1), nn.Conv2d(6, 10, 1), nn.Conv2d(10, 2, 1)))
    weight = torch.zeros(10, 6, 1, 1, requires_grad=True)
    cut = channels.selector("1.weight")(weight, [2, 5])
    assert cut.shape == (5, 2, 1, 1)
    assert cut.data_ptr() == weight.data_ptr()
    cut.sum().backward()
    assert weight.grad is not None
    assert weight.grad.sum() == 10


class Joined(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 2, 1), nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.c(torch.cat([self.a(x), self.b(x)], 1))
        return out


def test_behind_a_concatenation_entries_are_picked_and_gradients_pass() -> None:
    weight = torch.arange(6.0).expand(2, 6).reshape(2, 6, 1, 1).requires_grad_()
    cut = traced(Joined()).selector("c.weight")(weight, [3, 1])
    assert cut[0].flatten().tolist() == [0, 1, 2, 4]
    cut.sum().backward()
    assert weight.grad is not None
    assert weight.grad[0].flatten().tolist() == [1, 1, 1, 0, 1, 0]


def test_entries_of_no_group_always_stay() -> None:
    dim = Dim(groups=torch.tensor([-1, 0, 0]), positions=torch.tensor([0, 0, 1]))
    assert dim.prefix_of is None
    assert dim.is_kept([1]).tolist() == [True, True, False]


def test_channels_stay_multiples_of_the_divisor_and_of_what_goes_together() -> None:
    pairs = Group(size=48, unit=2, layers=("a",), num_positions=1)
    assert [kept_places(pairs, width, 8) for width in (0.01, 0.25, 0.5, 1.0)] == [4, 12, 24, 48]
    threes = Group(size=16, unit=3, layers=("a",), num_positions=1)
    assert kept_places(threes, 0.25, 8) == 8  # 24 of 48 channels: a multiple of 8 and of 3
