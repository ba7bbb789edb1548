import random

import pytest
import torch
from torch import nn
from torchvision import models

from nas.runtimes.fold import fold_batch_norm
from supernet.elastic.supernet import Supernet
from supernet.evaluate.calibration import calibrate_bn
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.training_job import TrainingJob
from supernet.models.mobilenet_v1 import MobileNetV1
from supernet.models.wide_resnet import WideResNet
from supernet.space import SearchSpace, SubnetConfig
from supernet.train.process_group import ProcessGroup
from supernet.train.step import Step


def with_statistics(network: nn.Module) -> nn.Module:
    """`network` with BN statistics, scales and shifts as after training."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias.data):
                assert tensor is not None
                tensor.copy_(0.2 * torch.randn(tensor.shape, generator=generator))
            for tensor in (module.running_var, module.weight.data):
                assert tensor is not None
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return network.eval()


def num_norms(network: nn.Module) -> int:
    return sum(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in network.modules())


@pytest.mark.parametrize(
    ("network", "num_left"),
    [
        (MobileNetV1(10), 0),
        (models.mobilenet_v2(), 0),
        (models.resnet18(), 0),
        (models.shufflenet_v2_x0_5(), 0),
        (WideResNet(depth=10, widen=1), 4),  # before the convolution, not after one
        (models.densenet121(), 62),
    ],
    ids=lambda value: type(value).__name__,
)
@torch.inference_mode()
def test_the_folded_network_computes_the_same(network: nn.Module, num_left: int) -> None:
    with_statistics(network)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    folded = fold_batch_norm(network, x)
    expected = network(x)
    torch.testing.assert_close(
        folded(x), expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max())
    )
    assert num_norms(folded) == num_left
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_a_trained_network_folds_as_an_untrained_one() -> None:
    """A training step that changed the classes of layers would leave BN layers unfolded."""
    space = SearchSpace(resolutions=(32,))
    job = TrainingJob(space=space, hyperparameters=Hyperparameters(batch_size=4, sync_bn=True))
    network = MobileNetV1(10, width_mult=0.25)
    supernet = Supernet(network, torch.empty(1, 3, 32, 32), space).train()
    step = Step(
        supernet,
        supernet,
        job,
        ProcessGroup(),
        num_steps=1,
        class_counts=[1] * 10,
        mean=(0.5, 0.5, 0.5),
        std=(0.2, 0.2, 0.2),
    )
    images = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    step(0, images, torch.arange(4), stop=False)
    for trained in (network, supernet.extract(space.smallest), supernet.extract(space.largest)):
        layers = [type(layer) for layer in trained.modules()]
        assert layers.count(nn.Conv2d) == layers.count(nn.BatchNorm2d) == 27
        assert num_norms(fold_batch_norm(trained, torch.rand(1, 3, 32, 32))) == 0


def test_nothing_is_shared_with_the_copy() -> None:
    network = models.resnet18()
    pointers = {tensor.data_ptr() for tensor in network.state_dict().values()}
    folded = fold_batch_norm(network, torch.rand(1, 3, 32, 32))
    assert not pointers & {t.data_ptr() for t in folded.state_dict().values()}


class Twice(nn.Module):
    """A convolution whose output two readers share, and one that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.read_twice, self.called_twice = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.norm, self.other_norm = nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.read_twice(x)
        x = x + self.norm(x)
        return self.called_twice(self.other_norm(self.called_twice(x)))  # type: ignore[no-any-return]


@torch.inference_mode()
def test_a_layer_with_other_readers_keeps_its_bn() -> None:
    network = with_statistics(Twice())
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    folded = fold_batch_norm(network, x)
    assert num_norms(folded) == 2
    torch.testing.assert_close(folded(x), network(x))


@torch.inference_mode()
def test_a_linear_layer_is_folded_too() -> None:
    network = with_statistics(nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6)))
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    folded = fold_batch_norm(network, x)
    assert num_norms(folded) == 0
    torch.testing.assert_close(folded(x), network(x))


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.norm(self.conv(x))
        return y if y.sum() > 0 else -y  # torch.fx cannot follow this


@torch.inference_mode()
def test_a_network_that_cannot_be_traced_stays_as_it_is() -> None:
    network = with_statistics(Branching())
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    folded = fold_batch_norm(network, x)
    assert num_norms(folded) == 1
    assert torch.equal(folded(x), network(x))


class Pair(nn.Module):
    """A convolution and its BN; subclasses use them in ways that folding would break."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1, bias=False), nn.BatchNorm2d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x))  # type: ignore[no-any-return]


class AlongAnotherDimension(nn.Module):
    """A linear layer over positions, and BN over as many channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear, self.norm = (
            nn.Conv2d(3, 16, 1),
            nn.Linear(16, 16),
            nn.BatchNorm1d(16),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.linear(self.conv(x).flatten(2)))  # type: ignore[no-any-return]


class UsedTwice(Pair):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + nn.functional.conv2d(x, self.conv.weight)


class Tied(Pair):
    def __init__(self) -> None:
        super().__init__()
        self.other, self.after = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
        self.other.weight = self.conv.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(self.other(super().forward(x)))  # type: ignore[no-any-return]


class ReadsTheNorm(Pair):
    """Channels are weighted by BN's scales, as in NAM."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scales = self.norm.weight.abs()
        return super().forward(x) * (scales / scales.sum())[:, None, None]


class Hooked(Pair):
    def __init__(self) -> None:
        super().__init__()
        self.conv.register_forward_hook(lambda module, args, output: output * 2)


class ByKeyword(Pair):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(input=self.conv(x))  # type: ignore[no-any-return]


class Listed(Pair):
    """Goes through a list that holds the same modules."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [self.conv, self.norm]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class TwoNames(Pair):
    def __init__(self) -> None:
        super().__init__()
        self.alias = self.norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.alias(self.conv(x))  # type: ignore[no-any-return]


class WeightNorm(Pair):
    def __init__(self) -> None:
        super().__init__()
        nn.utils.weight_norm(self.conv)


class Fast(Pair):
    """Runs another method than its class's `forward`."""

    def __init__(self) -> None:
        super().__init__()
        self.forward = self.fast  # type: ignore[method-assign]

    def fast(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x)) + self.conv(x)  # type: ignore[no-any-return]


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize(
    "kind",
    [
        *(AlongAnotherDimension, UsedTwice, Tied, ReadsTheNorm, Hooked, ByKeyword, Listed),
        *(TwoNames, WeightNorm, Fast),
    ],
)
@torch.no_grad()
def test_where_folding_would_change_the_result_nothing_is_folded(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    network = with_statistics(kind())
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    network(x)
    torch.testing.assert_close(fold_batch_norm(network, x)(x), network(x))


@torch.no_grad()
def test_one_layer_that_cannot_be_folded_leaves_the_others_to_it() -> None:
    network = with_statistics(nn.Sequential(Pair(), Hooked(), nn.Sequential(*Pair().children())))
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    folded = fold_batch_norm(network, x)
    assert num_norms(folded) == 1
    torch.testing.assert_close(folded(x), network(x))


def test_a_folded_subnet_computes_the_same_in_float64() -> None:
    """What `supernet.proof` compares in float64, it is then also after folding."""
    space = SearchSpace(resolutions=(64,), groups="layer")
    supernet = Supernet(models.resnet18(num_classes=10), torch.empty(1, 3, 64, 64), space)
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)).double()
    for seed in range(3):
        widths = supernet.space.random_widths(random.Random(seed))
        subnet = supernet.extract(SubnetConfig(width_mults=widths, resolution=64)).double()
        calibrate_bn(subnet, [x])
        folded = fold_batch_norm(subnet, x)
        assert num_norms(folded) == 0
        with torch.no_grad():
            expected = subnet.eval()(x)
            difference = (folded(x) - expected).abs().max() / expected.abs().max()
        assert difference < 1e-12
