"""What is all alike follows the channels that it meets, unless the code states its size."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from supernet.elastic.channels import trace_channels
from supernet.elastic.dims import Channels
from supernet.space import SearchSpace

SPACE = SearchSpace(resolutions=(8,), divisor=1)


class Computes(nn.Module):
    def __init__(self, compute: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.compute = compute

    def forward(self, x: Tensor) -> Tensor:
        return self.compute(x)


def trace(compute: Callable[[Tensor], Tensor]) -> Channels:
    layers = nn.Conv2d(3, 16, 1), Computes(compute), nn.Conv2d(16, 6, 1), nn.Conv2d(6, 2, 1)
    return trace_channels(nn.Sequential(*layers), torch.empty(1, 3, 8, 8), SPACE)


def in_a_buffer(x: Tensor) -> Tensor:
    out = x.new_empty(x.shape)
    out[:, :, :4] = x[:, :, 4:]
    out[:, :, 4:] = x[:, :, :4]
    return out


FOLLOWING: dict[str, Callable[[Tensor], Tensor]] = {
    "ones": lambda x: x * torch.ones(x.shape[1], 1, 1),
    "zeros beside": lambda x: x + x.new_zeros(1, x.shape[1], 1, 1),
    "noise": lambda x: x + torch.randn(x.shape[0], x.shape[1], 1, 1, device=x.device),
    "expanded": lambda x: x + x.sum(1, keepdim=True).expand_as(x),
    "repeated": lambda x: x + x.sum(1, keepdim=True).repeat(1, x.shape[1], 1, 1),
    "normalised": lambda x: F.normalize(x, dim=1),
    "padded in circles": lambda x: F.pad(x, (1, 1, 2, 1), mode="circular"),
    "a new tensor filled": in_a_buffer,
    "channels dropped": lambda x: F.dropout2d(x, 0.5),
    "channels dropped by alpha": lambda x: F.feature_alpha_dropout(x, 0.5, training=True),
}


@pytest.mark.parametrize("compute", FOLLOWING.values(), ids=FOLLOWING)
def test_entries_that_are_alike_follow_the_channels_that_they_meet(
    compute: Callable[[Tensor], Tensor],
) -> None:
    channels = trace(compute)
    assert not channels.kept
    assert [group.num_channels for group in channels.groups] == [16, 6]


@pytest.mark.parametrize(
    ("compute", "operation", "why"),
    [
        (lambda x: x * torch.ones(16, 1, 1), "aten.ones", "a size is fixed in the code"),
        (
            lambda x: x + x.sum(1, keepdim=True).expand(-1, 16, -1, -1),
            "aten.expand",
            "a size is fixed in the code",
        ),
        (
            lambda x: x + torch.linspace(0, 1, x.shape[1])[:, None, None],
            "aten.add",
            "joined with channels that stay",
        ),
    ],
)
def test_what_is_not_alike_or_has_a_size_of_its_own_keeps_the_channels(
    compute: Callable[[Tensor], Tensor], operation: str, why: str
) -> None:
    channels = trace(compute)
    assert [group.num_channels for group in channels.groups] == [6]
    (kept,) = channels.kept
    assert (kept.operation, kept.path, kept.num_channels) == (operation, "1", 16)
    assert kept.why.startswith(why)


def changed(x: Tensor) -> Tensor:
    scale = torch.ones(x.shape[1], 1, 1)
    scale[0] = 2
    return x * scale


def test_entries_that_differ_after_all_keep_the_channels_and_say_why() -> None:
    (kept,) = trace(changed).kept
    assert (kept.operation, kept.why) == ("aten.select", "entries are selected by index")
    assert kept.num_channels == 16
