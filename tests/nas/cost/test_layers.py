from collections.abc import Callable

import pytest
import torch
from torch import nn
from torchvision import models

from nas.cost.layers import layer_costs
from nas.cost.macs import count_macs


def upsampling() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ConvTranspose2d(8, 6, 3, stride=2, groups=2))


# ConvNeXt has linear layers over the last dimension.
@pytest.mark.parametrize(
    "build", [models.mobilenet_v2, models.resnet18, models.convnext_tiny, upsampling]
)
def test_macs_of_the_layers_add_up_to_those_of_the_network(
    build: Callable[[], nn.Module],
) -> None:
    network = build()
    assert sum(layer_costs(network, 96)[::4]) == count_macs(network, 96)


def test_a_layer_counted_by_hand() -> None:
    network = nn.Sequential(nn.Conv2d(3, 20, 3), nn.Conv2d(20, 20, 3, groups=20))
    macs, whole, moved, weights = layer_costs(network, 6)[:4]
    assert (macs, moved, weights) == (16 * 540, 3 * 36 + 20 * 16, 540)
    assert whole == 16 * 9 * 32 * 16  # 20 channels as 32, 3 as 16
    assert layer_costs(network, 6)[5] == 4 * 9 * 32  # depthwise: only the outputs are vectors


def test_the_network_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    weight = network[0].weight
    layer_costs(network, 8)
    assert network[0].weight is weight
    assert weight.device == torch.device("cpu")
    assert not network[0]._forward_hooks
