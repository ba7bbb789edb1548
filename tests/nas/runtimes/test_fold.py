import pytest
import torch
from torch import nn
from torchvision import models

from nas.runtimes.fold import fold_batch_norm
from supernet.elastic.supernet import Supernet
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.training_job import TrainingJob
from supernet.models.mobilenet_v1 import MobileNetV1
from supernet.models.wide_resnet import WideResNet
from supernet.space import SearchSpace
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
    folded = fold_batch_norm(network)
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
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
    normalisation = {"mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0.2)}
    step = Step(
        supernet, supernet, job, ProcessGroup(), num_steps=1, num_classes=10, **normalisation
    )
    images = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    step(0, images, torch.arange(4), stop=False)
    for trained in (network, supernet.extract(space.smallest), supernet.extract(space.largest)):
        layers = [type(layer) for layer in trained.modules()]
        assert layers.count(nn.Conv2d) == layers.count(nn.BatchNorm2d) == 27
        assert num_norms(fold_batch_norm(trained)) == 0


def test_nothing_is_shared_with_the_copy() -> None:
    network = models.resnet18()
    pointers = {tensor.data_ptr() for tensor in network.state_dict().values()}
    assert not pointers & {t.data_ptr() for t in fold_batch_norm(network).state_dict().values()}


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
    folded = fold_batch_norm(network)
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    assert num_norms(folded) == 2
    torch.testing.assert_close(folded(x), network(x))


@torch.inference_mode()
def test_a_linear_layer_is_folded_too() -> None:
    network = with_statistics(nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6)))
    folded = fold_batch_norm(network)
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
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
    folded = fold_batch_norm(network)
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    assert num_norms(folded) == 1
    assert torch.equal(folded(x), network(x))
