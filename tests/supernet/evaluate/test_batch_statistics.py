"""Statistics are found by the tensors that hold them, however a layer is called."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from supernet.evaluate.batch_statistics import BatchStatistics
from supernet.evaluate.calibration import calibrate_bn

IMAGES = torch.randn(40, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 + 0.7


class Called(nn.Module):
    """A convolution and its BN, run by `call`."""

    def __init__(self, call: Callable[["Called", Tensor], Tensor]) -> None:
        super().__init__()
        self.call, self.conv, self.bn = call, nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5)

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self, x)


def ordinary(net: Called, x: Tensor) -> Tensor:
    out: Tensor = net.bn(net.conv(x))
    return out


def past_the_hooks(net: Called, x: Tensor) -> Tensor:
    return net.bn.forward(net.conv.forward(x))


def functional(net: Called, x: Tensor) -> Tensor:
    bn = net.bn
    statistics = bn.running_mean, bn.running_var
    return F.batch_norm(net.conv(x), *statistics, bn.weight, bn.bias, net.training, eps=bn.eps)


def by_name(net: Called, x: Tensor) -> Tensor:
    bn = net.bn
    return F.batch_norm(
        input=net.conv(x), running_mean=bn.running_mean, running_var=bn.running_var, eps=bn.eps
    )


def of_torch(net: Called, x: Tensor) -> Tensor:
    bn = net.bn
    return torch.batch_norm(
        net.conv(x),
        bn.weight,
        bn.bias,
        bn.running_mean,
        bn.running_var,
        net.training,
        0.1,
        bn.eps,
        False,
    )


def native(net: Called, x: Tensor) -> Tensor:
    bn = net.bn
    args = bn.weight, bn.bias, bn.running_mean, bn.running_var, net.training, 0.1, bn.eps
    out: Tensor = torch.native_batch_norm(net.conv(x), *args)[0]
    return out


def of_a_view(net: Called, x: Tensor) -> Tensor:
    bn = net.bn
    assert bn.running_mean is not None
    assert bn.running_var is not None
    return F.batch_norm(net.conv(x), bn.running_mean[:5], bn.running_var[:5])


@pytest.mark.parametrize("call", [past_the_hooks, functional, by_name, of_torch, native, of_a_view])
def test_however_a_layer_is_called_its_statistics_are_the_same(
    call: Callable[[Called, Tensor], Tensor],
) -> None:
    torch.manual_seed(0)
    expected, got = Called(ordinary), Called(call)
    got.load_state_dict(expected.state_dict())
    for net in (expected, got):
        calibrate_bn(net, IMAGES.split(20))
    for name, buffer in expected.named_buffers():
        assert torch.equal(buffer, got.get_buffer(name)), name


@pytest.mark.parametrize("sizes", [[40], [10, 30]])
def test_instance_norm_gets_the_averages_of_its_images(sizes: list[int]) -> None:
    net = nn.Sequential(nn.InstanceNorm2d(3, track_running_stats=True))
    calibrate_bn(net, IMAGES.split(sizes))
    pixels = IMAGES.double().flatten(2)
    mean, variance = (net.get_buffer(f"0.running_{which}").double() for which in ("mean", "var"))
    torch.testing.assert_close(mean, pixels.mean((0, 2)))
    torch.testing.assert_close(variance, pixels.var(2, correction=0).mean(0))


class Heads(nn.Module):
    """A head for training alone, and BN of two domains of which one is in use."""

    def __init__(self) -> None:
        super().__init__()
        self.domains = nn.ModuleList([nn.BatchNorm2d(3), nn.BatchNorm2d(3)])
        self.auxiliary = nn.Sequential(nn.BatchNorm2d(3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.domains[0](x)
        return x + self.auxiliary(x) if self.training else x


def test_layers_that_do_not_run_keep_their_statistics() -> None:
    net = Heads()
    before = {name: buffer.clone() for name, buffer in net.named_buffers()}
    calibrate_bn(net, [IMAGES])
    for name, buffer in net.named_buffers():
        keeps = not name.startswith("domains.0.running")
        assert torch.equal(buffer, before[name]) == keeps, name


def test_a_single_value_per_channel_leaves_the_statistics_to_the_other_images() -> None:
    def statistics(sizes: list[int]) -> list[Tensor]:
        net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3))
        calibrate_bn(net, IMAGES[: sum(sizes)].split(sizes))
        return list(net.buffers())

    for got, expected in zip(statistics([20, 1]), statistics([20]), strict=True):
        assert torch.equal(got, expected)
    assert torch.equal(statistics([1])[0], torch.zeros(3))


def test_it_notes_who_else_reads_a_buffer() -> None:
    class Scaled(nn.BatchNorm2d):
        def forward(self, x: Tensor) -> Tensor:
            return x * torch.stack([self.get_buffer("running_var")])[0][:, None, None]

    net = Scaled(3)
    with BatchStatistics(net) as statistics:
        net(IMAGES)
    assert statistics.read == {"running_var"}
    assert not statistics.normalised_by
