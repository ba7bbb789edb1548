"""The self-test finds what would otherwise end as "trained" with other weights."""

import random
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import spectral_norm as old_spectral_norm
from torch.nn.utils.parametrizations import spectral_norm

from supernet.elastic.supernet import Supernet
from supernet.errors import ModelError
from supernet.models import build_model
from supernet.seeding import own_generators
from supernet.space import SearchSpace
from supernet.train.self_test import self_test


class Small(nn.Module):
    """Two convolutions with BN and a classifier; `activation` lies between them."""

    def __init__(self, activation: Callable[[Tensor], Tensor] = torch.relu) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16))
        self.second = nn.Sequential(nn.Conv2d(16, 16, 3, 2, 1), nn.BatchNorm2d(16))
        self.classifier = nn.Linear(16, 4)
        self.unused = nn.Linear(3, 3)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.second(self.activation(self.first(x))))
        logits: Tensor = self.classifier(x.mean((2, 3)))
        return logits


def make(model: nn.Module, *resolutions: int) -> Supernet:
    side = resolutions[0]
    return Supernet(model, torch.empty(1, 3, side, side), SearchSpace(resolutions=resolutions))


@pytest.mark.parametrize("name", ["mobilenet_v2", "shufflenet_v2_x0_5", "squeezenet1_1"])
def test_a_good_network_passes_and_is_left_as_it_was(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    supernet = make(build_model(name, 4, seed=0), 64, 48)
    supernet.eval()
    before = {key: tensor.clone() for key, tensor in supernet.state_dict().items()}
    with own_generators():
        random.seed(0)
        state = random.getstate(), torch.get_rng_state()
        self_test(supernet, 4)
        assert random.getstate() == state[0]
        assert torch.equal(torch.get_rng_state(), state[1])
    assert capsys.readouterr().err == ""
    assert not supernet.training
    assert all(p.grad is None for p in supernet.parameters())
    for key, tensor in supernet.state_dict().items():
        assert torch.equal(tensor, before[key]), key


def test_parameters_without_a_gradient_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    self_test(make(Small(), 16, 12), 4)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("2 parameters get no gradient")
    assert "unused.weight, unused.bias" in line
    self_test(make(Small(), 16, 12), 4, quiet=True)
    assert capsys.readouterr().err == ""


def test_a_gradient_that_is_not_finite_is_refused() -> None:
    def root_of_nothing(x: Tensor) -> Tensor:
        return torch.relu(x) + torch.sqrt(x * 0)  # its gradient is infinity times 0

    with pytest.raises(
        ModelError, match=r"must be finite before the first step, but that of first"
    ):
        self_test(make(Small(root_of_nothing), 16, 12), 4)


@pytest.mark.parametrize("wrap", [spectral_norm, old_spectral_norm])
def test_state_that_no_calibration_can_give_a_subnet_is_refused(
    wrap: Callable[[nn.Module], nn.Module],
) -> None:
    model = Small()
    model.second[0] = wrap(model.second[0])
    with pytest.raises(ModelError, match=r"must be a moving average, but second"):
        self_test(make(model, 16, 12), 4)


class Scale(nn.Module):
    """Keeps a statistic in a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.largest.mul_(0.9).add_(0.1 * x.detach().abs().max())
        return x / self.largest


def test_statistics_in_parameters_are_refused() -> None:
    model = Small()
    model.second = nn.Sequential(*model.second, Scale())
    with pytest.raises(ModelError, match=r"leave parameters alone, but changes second\.2\.largest"):
        self_test(make(model, 16, 12), 4)


def test_integer_parameters_say_nothing_of_the_images() -> None:
    model = Small()
    model.order = nn.Parameter(torch.arange(16), requires_grad=False)  # now the first parameter
    self_test(make(model, 16, 12), 4)


def test_sparse_gradients_are_refused() -> None:
    # Whole, because of their order: the gradient of a view of them would not be sparse.
    model = Small()
    model.offsets = nn.Embedding(1, 16, sparse=True)
    model.second.register_forward_hook(
        lambda _module, _args, x: (
            x + model.offsets(torch.zeros(len(x), dtype=torch.long)).cumsum(1)[:, :, None, None]
        )
    )
    with pytest.raises(
        ModelError, match=r"must be dense, but that of offsets\.weight is sparse_coo"
    ):
        self_test(make(model, 16, 12), 4)


def test_what_a_network_raises_is_one_line() -> None:
    def wary(x: Tensor) -> Tensor:
        if not x.is_meta:
            raise KeyError("batch")
        return x

    with pytest.raises(ModelError, match="must train on 4 images of 12 px, but got: 'batch'"):
        self_test(make(Small(wary), 16, 12), 4)


def test_what_a_network_raises_is_short() -> None:
    def wordy(x: Tensor) -> Tensor:
        if not x.is_meta:
            raise NotImplementedError("no such operation:\n for any of these: " + "A100, " * 1000)
        return x

    with pytest.raises(
        ModelError, match=r"but got: no such operation: for any of [^\n]*\.\.\.$"
    ) as raised:
        self_test(make(Small(wordy), 16, 12), 4)
    assert len(str(raised.value)) < 200
