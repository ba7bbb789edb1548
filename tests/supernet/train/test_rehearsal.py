from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import spectral_norm as old_spectral_norm
from torch.nn.utils.parametrizations import orthogonal, spectral_norm

from supernet.elastic.supernet import Supernet
from supernet.errors import ModelError
from supernet.job.recipe import RECIPES
from supernet.models import WideResNet
from supernet.space import SearchSpace
from supernet.train.rehearsal import rehearse


def supernet(model: nn.Module, width: float = 0.25) -> Supernet:
    space = SearchSpace(resolutions=(16,), width_range=(width, 1.0))
    return Supernet(model, torch.empty(1, 3, 16, 16), space)


def wrapped(wrap: Callable[[nn.Module], nn.Module]) -> nn.Sequential:
    layers = wrap(nn.Conv2d(3, 16, 3)), nn.ReLU(), wrap(nn.Conv2d(16, 32, 3))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def test_it_changes_neither_the_supernet_nor_random_numbers() -> None:
    net = supernet(WideResNet(10, depth=10, widen=1))
    before = {name: tensor.clone() for name, tensor in net.model.state_dict().items()}
    state = torch.get_rng_state()
    rehearse(net, RECIPES["mutual"])
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(t, before[name]) for name, t in net.model.state_dict().items())
    assert net.training


def test_a_rigid_network_is_refused_with_the_reason_where_widths_are_trained() -> None:
    rigid = nn.Sequential(*wrapped(orthogonal)[:3], nn.BatchNorm2d(32))
    with pytest.raises(ModelError, match=r"all stay \(aten.* in .*: .*--width-range 1 1") as caught:
        rehearse(supernet(rigid), RECIPES["mutual"])
    assert "\n" not in str(caught.value)
    rehearse(supernet(rigid), RECIPES["independent"])
    rehearse(supernet(rigid, width=1.0), RECIPES["mutual"])


def test_state_that_no_calibration_can_give_a_subnet_is_refused_before_training() -> None:
    for wrap in (spectral_norm, old_spectral_norm):
        net = supernet(nn.Sequential(nn.Conv2d(3, 16, 3), wrap(nn.Conv2d(16, 32, 3))))
        with pytest.raises(ModelError, match=r"must be a moving average, but 1\."):
            rehearse(net, RECIPES["independent"])


def test_what_a_network_raises_is_one_line() -> None:
    class Wary(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if not x.is_meta:
                raise KeyError("batch")
            return x

    with pytest.raises(ModelError, match="must run on 8 images of 16 px, but got: 'batch'"):
        rehearse(supernet(nn.Sequential(wrapped(lambda layer: layer), Wary())), RECIPES["mutual"])


def test_statistics_in_parameters_are_refused_before_training() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.largest = nn.Parameter(torch.ones(()), requires_grad=False)

        def forward(self, x: Tensor) -> Tensor:
            if self.training:
                self.largest.mul_(0.9).add_(0.1 * x.detach().abs().max())
            return x / self.largest

    net = supernet(nn.Sequential(wrapped(lambda layer: layer), Scale()))
    with pytest.raises(ModelError, match=r"leave parameters alone, but changes 1\.largest: keep"):
        rehearse(net, RECIPES["mutual"])
