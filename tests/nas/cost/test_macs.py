from collections.abc import Callable

import pytest
import torch
from torch import nn
from torchvision import models

from nas.cost.macs import count_macs, count_params
from nas.errors import ResolutionError, UncountedLayerError
from supernet.models.mobilenet_v1 import MobileNetV1


@pytest.mark.parametrize(
    ("build", "millions"),
    [(MobileNetV1, 568.74), (models.mobilenet_v2, 300.77), (models.resnet50, 4089.18)],
)
def test_macs_are_those_of_the_papers(build: Callable[[], nn.Module], millions: float) -> None:
    assert round(count_macs(build(), 224) / 1e6, 2) == millions


def test_macs_equal_a_count_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=True),  # 5 x 5 outputs from 9 x 9
        nn.BatchNorm2d(8),
        nn.PReLU(8),
        nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 10),
        nn.Softmax(dim=1),
    )
    assert count_macs(network, 9) == 25 * 8 * 3 * 9 + 25 * 8 * 9 + 32 * 10
    assert count_params(network) == (8 * 27 + 8) + 16 + 8 + 72 + 330


def test_channels_of_the_images_can_be_given() -> None:
    assert count_macs(nn.Conv2d(1, 4, 1), 2, in_channels=1) == 16


def test_the_network_is_left_as_it_was() -> None:
    network = models.mobilenet_v2(num_classes=10).train()
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    attributes = {name: set(vars(module)) for name, module in network.named_modules()}
    count_macs(network, 64)
    assert network.training
    assert {name: set(vars(module)) for name, module in network.named_modules()} == attributes
    assert network.state_dict().keys() == state.keys()
    assert all(torch.equal(network.state_dict()[name], state[name]) for name in state)


class FunctionalConv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, 3, 3, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(x, self.weight)


def test_a_layer_that_is_not_counted_is_an_error() -> None:
    with pytest.raises(UncountedLayerError, match=r"but '1' is a FunctionalConv; build it from"):
        count_macs(nn.Sequential(nn.Identity(), FunctionalConv()), 8)


def test_a_scale_a_channel_costs_nothing_as_in_bn() -> None:
    convnext = models.convnext_tiny()  # its blocks own a scale of (C, 1, 1)
    assert round(count_macs(convnext, 224) / 1e9, 2) == 4.46  # 4.46 GMACs in torchvision's table


def test_a_resolution_that_the_network_cannot_take_is_named() -> None:
    with pytest.raises(ResolutionError, match="must take 3x2x2 images") as error:
        count_macs(nn.Conv2d(3, 8, 5), 2)
    assert "\n" not in str(error.value)
