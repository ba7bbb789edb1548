"""The step against a second implementation, written naively from the paper's text."""

import math
import random
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.job.recipe import RECIPES
from supernet.models import MobileNetV1, WideResNet, mobilenet_v2
from supernet.space import SearchSpace, SubnetConfig
from supernet.train.depthwise import FastDepthwise
from supernet.train.mutual import Losses, mutual_step
from supernet.train.sampling import sandwich

SPACE = SearchSpace(resolutions=(32, 28, 24, 20))

MODELS: dict[str, Callable[[], nn.Module]] = {
    "mobilenet_v1": lambda: MobileNetV1(10, width_mult=0.5, small_input=True),
    "mobilenet_v2": lambda: mobilenet_v2(10, width_mult=0.5, small_input=True),
    "wrn_16_2": lambda: WideResNet(10, depth=16, widen=2),
}


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(8, 3, 32, 32, generator=generator, dtype=torch.float64)
    return images, torch.randint(0, 10, (8,), generator=generator)


def resized(images: Tensor, resolution: int) -> Tensor:
    return F.interpolate(images, (resolution, resolution), mode="bilinear", antialias=True)


def naive_step(
    supernet: Supernet, images: Tensor, labels: Tensor, configs: list[SubnetConfig]
) -> tuple[list[float], dict[str, Tensor]]:
    """MutualNet, algorithm 1: a copy of each subnet, its own backward pass, gradients added up."""
    gradients = {name: torch.zeros_like(p) for name, p in supernet.model.named_parameters()}
    losses, teacher = [], torch.empty(0)
    for index, config in enumerate(configs):
        network = supernet.extract(config).train()
        logits = network(resized(images, config.resolution))
        if index == 0:
            picked = torch.log(torch.softmax(logits, 1))[torch.arange(len(labels)), labels]
            loss = -picked.mean()
            teacher = torch.softmax(logits, 1).detach()
        else:
            student = torch.log(torch.softmax(logits, 1))
            loss = (teacher * (torch.log(teacher) - student)).sum(1).mean()
        loss.backward()
        losses.append(loss.item())
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None
            gradients[name][tuple(slice(0, n) for n in parameter.shape)] += parameter.grad
    return losses, gradients


@pytest.mark.parametrize("name", MODELS)
def test_losses_and_gradients_are_those_of_the_naive_step(name: str) -> None:
    torch.manual_seed(0)
    model = MODELS[name]().double()  # so that 1e-5 tests the method and not the rounding
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    supernet = Supernet(model, torch.empty(1, 3, 32, 32), SPACE).train()
    images, labels = batch()
    configs = sandwich(SPACE, RECIPES["mutual"], random.Random(5))
    expected_losses, expected = naive_step(supernet, images, labels, configs)

    with FastDepthwise():  # as in Step
        losses = mutual_step(supernet, labels, configs, lambda side: resized(images, side))

    torch.testing.assert_close(
        torch.stack(losses), torch.tensor(expected_losses).double(), rtol=1e-5, atol=1e-5
    )
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(
            parameter.grad, expected[parameter_name], rtol=1e-5, atol=1e-5, msg=parameter_name
        )


def test_the_teacher_is_a_constant_for_the_subnets() -> None:
    """With equal widths and resolutions, teacher and student agree: no loss, no gradient."""
    torch.manual_seed(0)
    supernet = Supernet(WideResNet(10, depth=10, widen=1), torch.empty(1, 3, 32, 32), SPACE)
    supernet.train()
    images, labels = batch()
    images = images.float()
    mutual_step(supernet, labels, [SPACE.largest], lambda side: resized(images, side))
    alone = [p.grad.clone() for p in supernet.parameters() if p.grad is not None]
    supernet.zero_grad()
    losses = mutual_step(
        supernet, labels, [SPACE.largest, SPACE.largest], lambda side: resized(images, side)
    )
    assert math.isclose(losses[1].item(), 0.0, abs_tol=1e-6)
    for before, parameter in zip(alone, supernet.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, before, rtol=1e-4, atol=1e-6)


def test_without_distillation_subnets_learn_from_the_labels() -> None:
    torch.manual_seed(0)
    supernet = Supernet(WideResNet(10, depth=10, widen=1), torch.empty(1, 3, 32, 32), SPACE)
    supernet.train()
    images, labels = batch()
    images = images.float()
    configs = [SPACE.largest, SPACE.smallest]
    mixed = {}
    for share in (0.0, 0.25, 1.0):
        mixed[share] = mutual_step(
            supernet,
            labels,
            configs,
            lambda side: resized(images, side),
            learn_from=Losses(distillation=share),
        )[1]
    logits = supernet(resized(images, SPACE.smallest.resolution), SPACE.smallest)
    torch.testing.assert_close(mixed[0.0], F.cross_entropy(logits, labels).detach())
    torch.testing.assert_close(mixed[0.25], 0.25 * mixed[1.0] + 0.75 * mixed[0.0])


def test_class_weights_weigh_the_labels_and_leave_the_teacher_alone() -> None:
    weights = torch.rand(10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    images, labels = batch()
    supernet = Supernet(WideResNet(10, depth=10, widen=1).double(), images[:1], SPACE)
    configs = [SPACE.largest, SPACE.smallest]

    def losses(class_weights: Tensor | None) -> list[Tensor]:
        return mutual_step(
            lambda pixels, config: supernet(pixels, config),
            labels,
            configs,
            lambda side: resized(images, side),
            learn_from=Losses(distillation=0.25, class_weights=class_weights),
        )

    supernet.train()
    logits = [supernet(resized(images, config.resolution), config) for config in configs]
    of_labels = [
        -(weights[labels] * torch.log_softmax(each, 1)[torch.arange(8), labels]).mean()
        for each in logits
    ]
    teacher = torch.softmax(logits[0], 1)
    distance = F.kl_div(torch.log_softmax(logits[1], 1), teacher, reduction="batchmean")
    expected = [of_labels[0], 0.25 * distance + 0.75 * of_labels[1]]
    torch.testing.assert_close(losses(weights), expected)
    torch.testing.assert_close(losses(torch.ones(10, dtype=torch.float64)), losses(None))
