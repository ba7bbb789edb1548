import pytest
import torch
from torch import nn

from supernet.elastic.supernet import Supernet
from supernet.space import SearchSpace

SPACE = SearchSpace(resolutions=(8,), divisor=2)


def supernet(channels: int, groups: int) -> Supernet:
    torch.manual_seed(0)
    norm = nn.GroupNorm(groups, channels)
    layers = nn.Conv2d(3, channels, 1), norm, nn.ReLU(), nn.Conv2d(channels, 2, 1)
    return Supernet(nn.Sequential(*layers), torch.empty(1, 3, 8, 8), SPACE)


@pytest.mark.parametrize(
    ("channels", "groups", "left", "groups_left"),
    [(32, 32, 8, 8), (32, 16, 8, 4), (32, 2, 8, 2), (32, 1, 8, 1), (64, 8, 16, 2)],
)
def test_a_group_norm_loses_groups_or_narrows_each(
    channels: int, groups: int, left: int, groups_left: int
) -> None:
    net = supernet(channels, groups)
    assert not net.channels.kept
    extracted = net.extract(net.space.smallest)
    (norm,) = (layer for layer in extracted.modules() if isinstance(layer, nn.GroupNorm))
    assert (norm.num_channels, norm.num_groups) == (left, groups_left)
    images = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(net(images, net.space.smallest), extracted(images))
    assert torch.equal(net(images, net.space.largest), net.model(images))


def test_groups_that_are_lost_leave_the_others_as_they_are() -> None:
    net = supernet(32, 16)
    images = torch.randn(2, 3, 8, 8)
    before = net.model[:2](images)  # type: ignore[index]
    after = net.extract(net.space.smallest)[:2](images)  # type: ignore[index]
    torch.testing.assert_close(after, before[:, :8])


def test_a_group_norm_by_hand_narrows_each_group() -> None:
    class ByHand(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(32))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.group_norm(x, 4, self.weight)

    layers = nn.Conv2d(3, 32, 1), ByHand(), nn.Conv2d(32, 2, 1)
    net = Supernet(nn.Sequential(*layers), torch.empty(1, 3, 8, 8), SPACE)
    assert [(group.size, group.unit) for group in net.channels.groups] == [(8, 4)]


def test_a_group_norm_that_leaves_no_other_width_is_listed() -> None:
    layers = nn.Conv2d(3, 32, 1), nn.GroupNorm(32, 32, affine=False), nn.Conv2d(32, 2, 1)
    net = Supernet(nn.Sequential(*layers), torch.empty(1, 3, 8, 8), SPACE)
    (kept,) = net.channels.kept
    assert (kept.path, kept.num_channels) == ("0", 32)
    assert kept.why == "its channels can only stay or go together"
