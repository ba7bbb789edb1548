"""A proof passes for good networks, and finds what tracing, cutting or copying could get wrong."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.errors import ModelError
from supernet.models import build_model
from supernet.proof.proving import prove
from supernet.space import SearchSpace, SubnetConfig


class Small(nn.Module):
    """Two convolutions with BN and a classifier; `norm` lies between them."""

    def __init__(self, norm: nn.Module | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
        self.norm = norm or nn.Identity()
        self.second = nn.Sequential(nn.Conv2d(16, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.ReLU())
        self.classifier = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.second(self.norm(self.first(x)))
        logits: Tensor = self.classifier(x.mean((2, 3)))
        return logits


def make(model: nn.Module, side: int = 16) -> Supernet:
    return Supernet(model, torch.empty(1, 3, side, side), SearchSpace(resolutions=(side,)))


# In float32 gradients of these differ by 2.6 and 4.6 %, probably as a ReLU sees a rounded zero.
@pytest.mark.parametrize("seed", [13, 17])
def test_a_good_network_passes_whatever_its_weights(seed: int) -> None:
    proof = prove(make(build_model("shufflenet_v2_x0_5", 4, seed=seed), 48))
    assert proof.dtype == "float64"
    assert proof.num_zeroed == proof.num_groups == 20
    assert proof.why_not == ""


def test_the_network_and_the_generators_are_left_as_they_were() -> None:
    supernet = make(Small()).train()
    before = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    state = torch.get_rng_state()
    prove(supernet)
    assert torch.equal(torch.get_rng_state(), state)
    assert supernet.training
    assert all(p.grad is None and p.dtype == torch.float32 for p in supernet.parameters())
    for name, tensor in supernet.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize("norm", [nn.GroupNorm(4, 16), nn.Softmax(1), nn.Softmax(2)])
def test_groups_whose_channels_are_combined_stay_whole_beside_zeros(norm: nn.Module) -> None:
    proof = prove(make(Small(norm)))
    is_combined = getattr(norm, "dim", 1) == 1
    assert proof.num_groups == 2
    assert proof.num_zeroed == 2 - is_combined


class Faulty(Supernet):
    """A supernet with a fault, on purpose."""

    fault = ""

    def subnet(self, config: SubnetConfig) -> nn.Module:
        network = super().subnet(config)
        layer: Any = network.get_submodule("second.0")
        if self.fault == "detached":
            layer._parameters["weight"] = layer.weight.detach()
        if self.fault == "wrong channels":
            whole = self.model.get_parameter("second.0.weight")
            layer._parameters["weight"] = whole[-len(layer.weight) :, -layer.weight.shape[1] :]
        if self.fault == "other at width 1.0":
            layer._parameters["bias"] = layer.bias + (config.width_mults == (1.0,))
        return network

    def extract(self, config: SubnetConfig) -> nn.Module:
        network = super().extract(config)
        layer: Any = network.get_submodule("second.0")
        if self.fault == "shared hooks":
            layer._forward_hooks = self.model.get_submodule("second.0")._forward_hooks
        if self.fault == "bound to the supernet":
            layer.forward = lambda x: layer._conv_forward(x, self.part(config), layer.bias)
        return network

    def part(self, config: SubnetConfig) -> Tensor:
        return self.part_of("second.0.weight", self.model.get_parameter("second.0.weight"), config)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            "detached",
            r"^width 1\.0 must compute and learn .* network does, but got a gradient of s",
        ),
        (
            "wrong channels",
            r"^w0\.25-r16 must .* extracted does, but got a gradient outside of sec",
        ),
        ("other at width 1.0", r"^width 1\.0 must compute and learn what the network does, but"),
        ("bound to the supernet", r"^w0\.25-r16 must .* extracted does, but got a gradient of sec"),
        ("shared hooks", r"itself without the supernet does, but got shares second\.0\._forward_h"),
    ],
)
def test_a_subnet_that_is_not_its_extracted_network_is_refused(fault: str, message: str) -> None:
    side = 16
    supernet = Faulty(Small(), torch.empty(1, 3, side, side), SearchSpace(resolutions=(side,)))
    supernet.fault = fault
    with pytest.raises(ModelError, match=message):
        prove(supernet)


def test_channels_that_are_paired_wrongly_are_refused() -> None:
    supernet = make(Small())
    dims = dict(supernet.channels.dims)
    first, second, *rest = dims["second.0.weight"]
    assert second is not None
    dims["second.0.weight"] = (first, replace(second, positions=second.positions.flip(0)), *rest)
    supernet.channels = replace(supernet.channels, dims=dims)
    supernet._select["second.0.weight"] = supernet.channels.selector("second.0.weight")
    with pytest.raises(ModelError, match=r"full network with the removed channels at 0 does, but"):
        prove(supernet)


@pytest.mark.parametrize("value", [float("nan"), 1.0])
def test_wrong_statistics_are_refused(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def calibrate(network: nn.Module, batches: list[Tensor]) -> None:
        network.get_buffer("first.1.running_mean").fill_(value)

    monkeypatch.setattr("supernet.proof.calibrated.calibrate_bn", calibrate)
    with pytest.raises(ModelError, match=r"right BN statistics in w0\.25-r16, but .*first\.1"):
        prove(make(Small()))


class ByCount(nn.Module):
    """Divides by a number that is computed from the number of channels."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 / x.shape[1])


class Cast(nn.Module):
    """Computes in float32, whatever it gets."""

    def forward(self, x: Tensor) -> Tensor:
        return (x.float() * 0.3).to(x.dtype)


class Table(nn.Module):
    """Multiplies by a matrix in float32 that is no buffer, so that nothing runs in float64."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = torch.eye(8)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.matrix


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x)


@pytest.mark.parametrize(
    ("layer", "num_zeroed", "line"),
    [
        (ByCount(), 0, "its code computes with the number of channels"),
        (Noisy(), 0, "it draws random numbers in eval mode"),
        (Cast(), 2, ""),
        (Table(), 2, "in float32 (values)"),
    ],
)
def test_networks_that_cannot_be_compared_in_all_ways_pass(
    layer: nn.Module, num_zeroed: int, line: str
) -> None:
    proof = prove(make(Small(layer)))
    assert proof.num_zeroed == num_zeroed
    assert line in proof.line


def test_a_network_without_elastic_channels_is_compared_at_width_1() -> None:
    proof = prove(make(nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4))))
    assert (proof.num_groups, proof.num_configs) == (0, 0)


def test_infinite_outputs_are_not_compared() -> None:
    class Infinite(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x / 0

    assert prove(make(Small(Infinite()))).line.startswith("not proven: what it computes")
