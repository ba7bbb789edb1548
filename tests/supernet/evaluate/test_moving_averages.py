"""Statistics that a module keeps by hand, against those of torch's own layer."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from supernet.errors import ModelError
from supernet.evaluate.calibration import calibrate_bn

IMAGES = torch.randn(40, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 + 0.7

Update = Callable[[nn.Module, str, Tensor], None]


def in_place(module: nn.Module, name: str, new: Tensor) -> None:
    module.get_buffer(name).mul_(0.9).add_(0.1 * new)


def replaced(module: nn.Module, name: str, new: Tensor) -> None:
    setattr(module, name, 0.7 * module.get_buffer(name) + 0.3 * new)


def by_index(module: nn.Module, name: str, new: Tensor) -> None:
    buffer = module.get_buffer(name)
    buffer[:] = buffer + 0.01 * (new - buffer)


def of_data(module: nn.Module, name: str, new: Tensor) -> None:
    module.get_buffer(name).data.copy_(new.detach())


def towards(module: nn.Module, name: str, new: Tensor) -> None:
    with torch.no_grad():
        module.get_buffer(name).lerp_(new, 1 / (1 + module.get_buffer("num_batches")))


class HandWritten(nn.Module):
    """BN in plain Python; `update` writes the running statistics."""

    def __init__(self, channels: int, update: Update) -> None:
        super().__init__()
        self.update, self.eps = update, 1e-5
        self.weight, self.bias = (nn.Parameter(torch.full((channels,), v)) for v in (1.0, 0.0))
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("scale2", torch.ones(1, channels, 1, 1))
        self.register_buffer("num_batches", torch.tensor(9))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            mean = x.mean((0, 2, 3), keepdim=True)
            variance = x.var((0, 2, 3), keepdim=True, correction=0)
            self.update(self, "mean", mean)
            self.update(self, "scale2", variance)
            self.get_buffer("num_batches").add_(1)
        else:
            mean, variance = self.get_buffer("mean"), self.get_buffer("scale2")
        x = (x - mean) / (variance + self.eps).sqrt()
        return x * self.weight[:, None, None] + self.bias[:, None, None]


@pytest.mark.parametrize("update", [in_place, replaced, by_index, of_data, towards])
@pytest.mark.parametrize("sizes", [[40], [20, 20]])
def test_they_are_those_of_a_bn_layer(update: Update, sizes: list[int]) -> None:
    torch.manual_seed(0)
    first, second = nn.Conv2d(3, 5, 3), nn.Conv2d(5, 4, 3)
    bn = nn.Sequential(first, nn.BatchNorm2d(5), nn.ReLU(), second, nn.BatchNorm2d(4))
    own = nn.Sequential(first, HandWritten(5, update), nn.ReLU(), second, HandWritten(4, update))
    own[0].eval()
    before = [module.training for module in own.modules()]
    buffers = [id(buffer) for buffer in own.buffers()]
    for net in (bn, own):
        calibrate_bn(net, IMAGES.split(sizes))
    got, expected = dict(own.named_buffers()), dict(bn.named_buffers())
    rtol = 1e-3 if len(sizes) == 1 else 0.01
    for i in (1, 4):
        for mine, theirs in (("mean", "running_mean"), ("scale2", "running_var")):
            one, other = got[f"{i}.{mine}"].flatten(), expected[f"{i}.{theirs}"]
            torch.testing.assert_close(one, other, rtol=rtol, atol=1e-4)
        assert got[f"{i}.num_batches"] == 9
    assert [module.training for module in own.modules()] == before
    assert [id(buffer) for buffer in own.buffers()] == buffers


class Fused(nn.Module):
    """In eval mode the BN is part of the convolution, as in RepVGG."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return self.bn(self.conv(x))  # type: ignore[no-any-return]
        assert self.bn.running_mean is not None
        assert self.bn.running_var is not None
        scale = self.bn.weight / (self.bn.running_var + self.bn.eps).sqrt()
        bias = self.bn.bias - self.bn.running_mean * scale
        return torch.conv2d(x, self.conv.weight * scale[:, None, None, None], bias)


def test_a_bn_layer_that_its_parent_fuses_in_eval_mode_is_measured_in_training_mode() -> None:
    torch.manual_seed(0)
    net = Fused().train()
    expected = net(IMAGES).detach()
    calibrate_bn(net, [IMAGES])
    torch.testing.assert_close(net.eval()(IMAGES), expected, rtol=1e-4, atol=1e-5)


class Constant(nn.Module):
    """Normalises by fixed numbers, and holds another one that it never reads."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]))
        self.register_buffer("unused", torch.tensor(float("nan")))

    def forward(self, x: Tensor) -> Tensor:
        return x - self.get_buffer("mean")[:, None, None]


def test_a_constant_buffer_stays() -> None:
    net = nn.Sequential(Constant(), nn.BatchNorm2d(3))
    calibrate_bn(net, [IMAGES])
    assert torch.equal(net.get_buffer("0.mean"), torch.tensor([0.4, 0.5, 0.6]))
    assert net.get_buffer("0.unused").isnan()
    torch.testing.assert_close(net.get_buffer("1.running_var"), IMAGES.var((0, 2, 3), correction=0))


class Largest(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("largest", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.largest = torch.maximum(self.get_buffer("largest"), x.abs().max())
        return x / self.get_buffer("largest")


def test_another_kind_of_state_is_refused_by_name_and_left_alone() -> None:
    net = nn.Sequential(nn.Conv2d(3, 3, 1), Largest())
    with pytest.raises(ModelError, match=r"must be a moving average, but 1\.largest is"):
        calibrate_bn(net, [IMAGES])
    assert net.get_buffer("1.largest") == 0


class Counting(nn.Module):
    """Counts its steps, in training, in a buffer that nothing reads in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros(()))
        self.bn = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.get_buffer("steps").add_(1)
        return self.bn(x)  # type: ignore[no-any-return]


def test_a_counter_is_left_alone() -> None:
    net = Counting()
    calibrate_bn(net, [IMAGES])
    assert net.steps == 0
    torch.testing.assert_close(net.bn.running_mean, IMAGES.mean((0, 2, 3)))


class Ghost(nn.Module):
    """Normalises the halves of a batch apart, and a batch of another domain by other statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.bn, self.other = nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, x: Tensor, other: bool = False) -> Tensor:
        return torch.cat([(self.other if other else self.bn)(half) for half in x.chunk(2)])


def test_halves_of_a_batch_are_pooled() -> None:
    net = Ghost()
    calibrate_bn(net, IMAGES.split(20))
    torch.testing.assert_close(net.bn.running_mean, IMAGES.mean((0, 2, 3)))
    torch.testing.assert_close(net.bn.running_var, IMAGES.var((0, 2, 3), correction=0))
    assert torch.equal(net.other.get_buffer("running_mean"), torch.zeros(3))
