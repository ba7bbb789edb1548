import builtins
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from nas.cost.macs import count_macs
from nas.cost.second_opinion import TOLERANCE, TwoCounts, count_twice, counts_of_full_network
from supernet import SearchSpace, Supernet
from supernet.models import MobileNetV1, build_model


@pytest.mark.parametrize(
    ("build", "macs"),
    [
        (MobileNetV1, 568_740_352),
        (models.mobilenet_v2, 300_774_272),
        (models.resnet50, 4_089_184_256),
    ],
)
def test_both_count_what_was_published(build: Callable[[], nn.Module], macs: int) -> None:
    counts = count_twice(build(), 224)
    assert (counts.macs, counts.macs_thop) == (macs, macs)
    assert counts.warning is None


AGREEING = [
    *("mobilenet_v1", "mobilenet_v2", "wide_resnet", "wrn_16_2", "alexnet", "convnext_tiny"),
    *("densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3"),
    *("mnasnet0_5", "mobilenet_v3_large", "mobilenet_v3_small", "regnet_x_400mf"),
    *("regnet_y_400mf", "resnet18", "resnet50", "resnext50_32x4d", "shufflenet_v2_x0_5"),
    *("squeezenet1_0", "squeezenet1_1", "vgg11_bn", "wide_resnet50_2"),
]
FUNCTIONAL_ATTENTION = {
    "vit_b_16": "MultiheadAttention",
    "swin_t": "ShiftedWindowAttention",
    "swin_v2_t": "ShiftedWindowAttentionV2",
}


def small(name: str) -> tuple[nn.Module, int]:
    """The network on the meta device where it can be built there, and a small resolution."""
    options: dict[str, Any] = {"vit_b_16": {"image_size": 96}}.get(name, {})
    if name in ("googlenet", "inception_v3"):
        options = {"init_weights": False}
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        return build_model(name, 10, options), 96


@pytest.mark.parametrize("name", AGREEING)
def test_networks_of_layers_are_counted_alike(name: str) -> None:
    network, resolution = small(name)
    counts = count_twice(network, resolution)
    assert counts.difference <= TOLERANCE
    assert counts.macs == count_macs(network, resolution)
    assert counts.differing == ()


@pytest.mark.parametrize(("name", "attention"), FUNCTIONAL_ATTENTION.items())
def test_attention_explains_all_that_thop_lacks(name: str, attention: str) -> None:
    network, resolution = small(name)
    counts = count_twice(network, resolution)
    assert counts.macs_thop is not None
    assert counts.difference > 0.3
    named = {each.layer for each in counts.differing}
    assert named == {n for n, m in network.named_modules() if type(m).__name__ == attention}
    assert sum(each.macs for each in counts.differing) == counts.macs - counts.macs_thop
    [reason] = counts.reasons
    assert reason == (
        f"{attention} computes linear layers and products of activations (attention) with "
        "functions, which thop does not count"
    )
    assert counts.warning is not None
    assert re.fullmatch(
        rf"thop counts [\d,]+ MACs instead of [\d,]+; {re.escape(reason)}: "
        r"(\S+, ){3}\S+ and 8 more",
        counts.warning,
    )


class Functional(nn.Module):
    """Its own convolution before a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.ones(4, 3, 3, 3))
        self.layer = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(nn.functional.conv2d(x, self.kernel))  # type: ignore[no-any-return]


class Shared(nn.Module):
    """One layer in two modules."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.second = nn.Sequential(self.first)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))  # type: ignore[no-any-return]


class Recurrent(nn.Module):
    """Rows of a channel as a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.LSTM(8, 6, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.rows(x[:, 0])[0]  # type: ignore[no-any-return]


class Conv(nn.Conv2d):
    """A class of its own, for which thop has no rule."""


@pytest.mark.parametrize(
    ("network", "layer", "reason"),
    [
        (Functional(), "", "Functional computes convolutions with functions, which thop does not"),
        (
            Shared(),
            "first",
            "Conv2d is shared under 2 names, and thop counts its calls once for each",
        ),
        (Recurrent(), "rows", "LSTM is recurrent, and thop also counts its biases and gates"),
        (
            nn.Sequential(nn.ConvTranspose2d(3, 4, 3, stride=2)),
            "0",
            "ConvTranspose2d applies its kernel at each input pixel, but thop counts each output "
            "pixel",
        ),
    ],
)
def test_a_layer_that_differs_is_named_with_the_reason(
    network: nn.Module, layer: str, reason: str
) -> None:
    counts = count_twice(network, 8)
    [only] = counts.differing
    assert only.layer == layer
    assert only.reason.startswith(reason)
    assert only.macs != only.macs_thop
    assert counts.to_json()["differing_layers"] == [
        {"layer": layer, "macs": only.macs, "macs_thop": only.macs_thop, "reason": only.reason}
    ]


def test_subclasses_normalisation_and_networks_of_one_layer_differ_in_nothing() -> None:
    network = nn.Sequential(
        Conv(3, 8, 3), nn.GroupNorm(2, 8), nn.InstanceNorm2d(8, affine=True), nn.BatchNorm2d(8),
        nn.LayerNorm((8, 6, 6)), nn.SyncBatchNorm(8), nn.PReLU(), nn.LeakyReLU(), nn.Upsample(8),
        nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2), nn.Softmax(1),
    )  # fmt: skip
    counts = count_twice(network, 8)
    assert [(each.layer, each.macs, each.macs_thop) for each in counts.layers] == [
        ("0", 36 * 8 * 27, 36 * 8 * 27),
        ("12", 16, 16),
    ]
    one = count_twice(nn.Conv2d(3, 4, 1), 2)
    assert [(each.layer, each.macs, each.macs_thop) for each in one.layers] == [("", 48, 48)]


def test_what_is_too_much_in_one_layer_makes_up_for_nothing_in_another() -> None:
    network = nn.Sequential(nn.ConvTranspose2d(3, 4, 2, stride=2, bias=False), Functional())
    network[1].kernel = nn.Parameter(torch.ones(4, 4, 3, 3))
    counts = count_twice(network, 8)
    assert {each.layer for each in counts.differing} == {"0", "1"}
    assert counts.difference == sum(abs(e.macs - e.macs_thop) for e in counts.layers) / counts.macs


def test_the_network_is_left_as_it_was() -> None:
    network = models.resnet18(num_classes=10).train()
    attributes = {name: set(vars(module)) for name, module in network.named_modules()}
    buffers = [name for name, _ in network.named_buffers()]
    count_twice(network, 32)
    assert network.training
    assert {name: set(vars(module)) for name, module in network.named_modules()} == attributes
    assert [name for name, _ in network.named_buffers()] == buffers


def check_failed(counts: TwoCounts, why: str) -> None:
    assert counts.macs == 36 * 4 * 27
    assert counts.to_json() == {
        "macs": counts.macs,
        "macs_thop": None,
        "differing_layers": [],
        "thop_error": why,
    }
    assert counts.warning == f"thop cannot count the MACs of this network: {why}"


class TakesName(nn.Conv2d):
    """Has an attribute where thop wants a buffer."""

    total_ops = 0


def test_a_network_that_thop_fails_on_says_why() -> None:
    check_failed(
        count_twice(TakesName(3, 4, 3), 8), "KeyError: \"attribute 'total_ops' already exists\""
    )


def test_a_thop_that_cannot_be_imported_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without_thop(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("thop"):
            raise ModuleNotFoundError("No module named 'distutils'")
        return whole(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_thop)
    check_failed(
        count_twice(nn.Conv2d(3, 4, 3), 8), "ModuleNotFoundError: No module named 'distutils'"
    )


def test_the_full_network_is_counted_at_its_highest_resolution() -> None:
    network = models.resnet18(num_classes=10)
    space = SearchSpace(resolutions=(32, 64))
    counts = counts_of_full_network(Supernet(network, torch.empty(1, 3, 64, 64), space))
    assert counts.macs == counts.macs_thop == count_macs(network, 64)
