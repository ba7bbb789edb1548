"""Networks that keep something from one forward pass to the next, and some that only seem to."""

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.utils.parametrizations as parametrizations
from torch import Tensor, nn

from supernet import repeatable
from supernet.errors import ModelError
from supernet.evaluate.calibration import calibrate_bn
from supernet.repeatable import check_repeatable


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


class Around(nn.Module):
    """A small network with `middle` between its convolution and its classifier."""

    def __init__(self, middle: nn.Module, conv: nn.Module | None = None) -> None:
        super().__init__()
        self.conv = conv or nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.middle = middle
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.middle(self.norm(self.conv(x)).relu()).mean((2, 3)))


class Held:
    """An object that is no module."""

    def __init__(self) -> None:
        self.count = 0


class Keeps(nn.Module):
    """Runs `step(self, x)`; holds what steps may change."""

    def __init__(self, step: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.step = step
        self.register_buffer("count", torch.tensor(0))
        self.register_buffer("average", torch.zeros(8))
        self.register_buffer("ready", torch.tensor(False))
        self.codes = nn.Parameter(torch.randn(5, 8), requires_grad=False)
        self.scale = torch.ones(1)
        self.number = 0
        self.seen: list[Any] = []
        self.by_size: dict[Any, Any] = {}
        self.last: Any = None
        self.held = Held()
        self.coins = random.Random(1)
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, x: Tensor) -> Tensor:
        return self.step(self, x)


def pair(
    step: Callable[[Any, Tensor], Tensor] | nn.Module, conv: nn.Module | None = None
) -> tuple[Any, Any]:
    """A network, built twice."""
    layers = [copy.deepcopy(step) if isinstance(step, nn.Module) else Keeps(step) for _ in "12"]
    one, other = (Around(layer, copy.deepcopy(conv)) for layer in layers)
    other.load_state_dict(one.state_dict())
    return one, other


def channel_means(x: Tensor) -> Tensor:
    return x.detach().mean((0, 2, 3))


def count_in_buffer(self: Any, x: Tensor) -> Tensor:
    self.count += 1
    return x


def count_in_attribute(self: Any, x: Tensor) -> Tensor:
    self.number += 1
    return x


def count_in_object(self: Any, x: Tensor) -> Tensor:
    self.held.count += 1
    return x


def count_in_tensor(self: Any, x: Tensor) -> Tensor:
    self.scale.add_(1)
    return x


def count_evaluations(self: Any, x: Tensor) -> Tensor:
    self.number += not self.training
    return x


def append(self: Any, x: Tensor) -> Tensor:
    self.seen.append(x.detach().mean().item())
    return x


def running_mean(self: Any, x: Tensor) -> Any:
    if self.training:
        self.average = 0.9 * self.average + 0.1 * channel_means(x)
    return x - self.average.view(1, -1, 1, 1)


def mean_of_the_first_batch(self: Any, x: Tensor) -> Any:
    if self.training and not self.ready:
        self.average.copy_(channel_means(x))
        self.ready.fill_(True)
    return x - self.average.view(1, -1, 1, 1)


def codebook(self: Any, x: Tensor) -> Any:
    rows = x.permute(0, 2, 3, 1).reshape(-1, 8)
    nearest = torch.cdist(rows, self.codes).argmin(1)
    if self.training:
        with torch.no_grad():
            self.codes[nearest] = 0.9 * self.codes[nearest] + 0.1 * rows
    return x + self.codes[nearest].mean(0).view(1, -1, 1, 1)


def add_the_last(self: Any, x: Tensor) -> Tensor:
    out = x if self.last is None else x + self.last
    self.last = x.detach()
    return out


def noise_of_its_own(self: Any, x: Tensor) -> Tensor:
    return x + torch.rand(x.shape, generator=self.generator) if self.training else x


CALLS = [0]


def coin_of_its_own(self: Any, x: Tensor) -> Any:
    return x * self.coins.random()


def count_outside(self: Any, x: Tensor) -> Tensor:
    CALLS[0] += 1
    return x * (1 + 0.1 * CALLS[0])


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (count_in_buffer, "changes middle.count:"),
        (count_in_attribute, "changes middle.number:"),
        (count_evaluations, "changes middle.number:"),
        (count_in_object, "changes middle.held.count:"),
        (count_in_tensor, "changes middle.scale:"),
        (append, "changes middle.seen["),
        (running_mean, "changes middle.average:"),
        (mean_of_the_first_batch, "changes middle.average:"),
        (codebook, "changes middle.codes:"),
        (add_the_last, "changes middle.last:"),
        (noise_of_its_own, "changes middle.generator:"),
        (coin_of_its_own, "changes middle.coins:"),
        (count_outside, "its output depends on the passes before"),
    ],
)
def test_what_a_pass_leaves_behind_is_refused_and_named(
    step: Callable[[Any, Tensor], Tensor], name: str
) -> None:
    assert name in refusal(pair(step))


def refusal(networks: tuple[nn.Module, nn.Module]) -> str:
    with pytest.raises(ModelError, match="must leave nothing behind but BN statistics") as caught:
        check_repeatable(*networks, 12)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 200
    return str(caught.value)


def largest_so_far(self: Any, x: Tensor) -> Any:
    if self.training:
        self.average = torch.maximum(self.average, x.detach().amax((0, 2, 3)))
        return x / x.detach().amax((0, 2, 3)).view(1, -1, 1, 1)
    return x / self.average.view(1, -1, 1, 1)


def test_statistics_that_no_calibration_computes_anew_are_refused() -> None:
    with pytest.raises(ModelError, match=r" middle\.average"):
        check_repeatable(*pair(largest_so_far), 12)


def moving_average(self: Any, x: Tensor) -> Any:
    mean = channel_means(x)
    if self.training:
        self.average.lerp_(mean, 0.1)
    return x - (mean if self.training else self.average).view(1, -1, 1, 1)


def test_statistics_that_calibration_computes_anew_are_fine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def calibrate(network: Any, batches: list[Tensor]) -> None:
        calibrate_bn(network, batches)
        network.middle.average.copy_(channel_means(network.conv(batches[0])))

    monkeypatch.setattr(repeatable, "calibrate_bn", calibrate)
    check_repeatable(*pair(moving_average), 12)


@pytest.mark.parametrize("num_iterations", [1, 30])
def test_spectral_norm_is_refused_also_where_its_vectors_have_converged(
    num_iterations: int,
) -> None:
    one, other = pair(nn.Identity())
    for network in (one, other):
        network.head = parametrizations.spectral_norm(network.head, "weight", num_iterations)
    other.load_state_dict(one.state_dict())
    with pytest.raises(ModelError, match=r" head\.parametrizations\.weight\.0\._[uv]"):
        check_repeatable(one, other, 12)


def grid_at_first(self: Any, x: Tensor) -> Any:
    if self.last is None:
        self.last = torch.linspace(0, 1, x.shape[-1])
    return x + self.last


def grid_by_size(self: Any, x: Tensor) -> Any:
    if x.shape not in self.by_size:
        self.by_size[x.shape] = torch.linspace(0, 1, x.shape[-1])
    return x + self.by_size[x.shape]


def grid_in_buffer(self: Any, x: Tensor) -> Any:
    self.average = torch.linspace(0, 1, 8)
    return x + self.average.view(1, -1, 1, 1)


def features_for_others(self: Any, x: Tensor) -> Tensor:
    self.last, self.by_size["features"] = x, x
    return x


def random_numbers(self: Any, x: Tensor) -> Tensor:
    return nn.functional.dropout(x, 0.5, self.training)


@pytest.mark.parametrize(
    "step", [grid_at_first, grid_by_size, grid_in_buffer, features_for_others, random_numbers]
)
def test_what_is_the_same_after_each_pass_or_not_used_is_fine(
    step: Callable[[Any, Tensor], Tensor],
) -> None:
    check_repeatable(*pair(step), 12)


@pytest.mark.parametrize(
    "middle",
    [
        *(nn.BatchNorm2d(8), nn.BatchNorm2d(8, momentum=None), nn.BatchNorm2d(8, affine=False)),
        *(nn.InstanceNorm2d(8), nn.GroupNorm(2, 8), nn.Dropout2d(0.5), nn.RReLU()),
    ],
)
def test_ordinary_layers_are_fine(middle: nn.Module) -> None:
    check_repeatable(*pair(middle, parametrizations.weight_norm(nn.Conv2d(3, 8, 3))), 12)


def test_weights_computed_by_a_hook_are_no_memory() -> None:
    with pytest.warns(FutureWarning):
        one, other = (Around(nn.Identity(), nn.utils.weight_norm(nn.Conv2d(3, 8, 3))) for _ in "12")
    other.load_state_dict(one.state_dict())
    check_repeatable(one, other, 12)


def test_features_that_a_hook_writes_in_an_attribute_are_no_memory() -> None:
    def read_features(self: Any, x: Tensor) -> Any:
        return x + self.by_size["conv"].mean()

    one, other = networks = pair(read_features)
    for network in networks:
        features = network.middle.by_size
        network.conv.register_forward_hook(lambda *args, to=features: to.update(conv=args[2]))
    check_repeatable(one, other, 12)


def counting(place: str) -> nn.Module:
    """A layer whose hooks count passes in their closure, which matters from the eighth on."""
    layer, passes = nn.Identity(), [0]

    def count(*_: Any) -> None:
        passes[0] += 1

    def fade(_module: nn.Module, _args: Any, output: Tensor) -> Tensor:
        if place == "both":
            passes[0] += 1
        return output * (1 if passes[0] < 8 else 2)

    if place == "before":
        layer.register_forward_pre_hook(count)
    layer.register_forward_hook(fade)
    return layer


@pytest.mark.parametrize("place", ["before", "both"])
def test_a_counter_in_the_closure_of_a_hook_is_memory(place: str) -> None:
    one, other = (Around(counting(place)) for _ in range(2))
    other.load_state_dict(one.state_dict())
    with pytest.raises(ModelError, match=r"changes middle\.passes of a hook"):
        check_repeatable(one, other, 8)


def test_statistics_that_training_uses_are_memory() -> None:
    class Renormalising(nn.BatchNorm2d):
        def forward(self, x: Tensor) -> Any:
            return super().forward(x) * (1 + self.running_var.mean())  # type: ignore[union-attr]

    assert "its output depends on the passes before" in refusal(pair(Renormalising(8)))


def test_layers_that_stay_in_evaluation_mode_are_fine() -> None:
    class Fixed(nn.BatchNorm2d):
        def train(self, mode: bool = True) -> Any:
            return super().train(False)

    check_repeatable(*pair(Fixed(8)), 12)


def test_a_network_that_differs_when_it_is_built_again_is_refused() -> None:
    one, other = pair(lambda self, x: x * self.number)
    check_repeatable(one, other, 12)
    other.middle.number = 3
    with pytest.raises(ModelError, match=r"built with the same seed, but middle\.number differs"):
        check_repeatable(one, other, 12)


def test_an_attribute_that_differs_and_does_not_matter_is_fine() -> None:
    one, other = pair(lambda self, x: x)
    other.middle.number = 3
    check_repeatable(one, other, 12)


def test_a_network_that_cannot_train_on_images_of_that_size_is_refused() -> None:
    def only_evaluates(self: Any, x: Tensor) -> Tensor:
        if self.training:
            raise RuntimeError("no\nway")
        return x

    with pytest.raises(ModelError, match=r"\(3, 12, 12\) in training mode on the CPU.* got: no$"):
        check_repeatable(*pair(only_evaluates), 12)


@pytest.mark.parametrize(
    "draw", [random.SystemRandom().random, lambda: np.random.default_rng().random()]
)
def test_random_numbers_that_no_seed_repeats_are_refused(draw: Callable[[], float]) -> None:
    """A coin of which two passes may well show the same side."""

    def coin(self: Any, x: Tensor) -> Tensor:
        return x if draw() < 0.5 else 2 * x

    with pytest.raises(ModelError, match="generators that are seeded, but its forward pass draws"):
        check_repeatable(*pair(coin), 12)
