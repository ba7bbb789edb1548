from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from nas.cost.macs import count_layer_macs, count_macs, count_operation_macs, count_params
from nas.errors import NeedsValuesError, ResolutionError
from supernet.models import MobileNetV1

# By the published tables: 569 M, 300 M, 4.09 G (torchvision), 17.56 G (torchvision).
PUBLISHED = [
    (MobileNetV1, 568_740_352),
    (models.mobilenet_v2, 300_774_272),
    (models.resnet50, 4_089_184_256),
    (models.vit_b_16, 17_563_828_224),
]


@pytest.mark.parametrize(("build", "macs"), PUBLISHED)
def test_macs_are_those_of_the_papers(build: Callable[[], nn.Module], macs: int) -> None:
    assert count_macs(build(), 224) == macs


def test_macs_equal_a_count_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=True),  # 5 x 5 outputs from 9 x 9
        nn.BatchNorm2d(8),
        nn.PReLU(8),
        nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 10),
        nn.Softmax(dim=1),
    )
    by_layer = {"0": 25 * 8 * 3 * 9, "3": 25 * 8 * 9, "6": 32 * 10}
    assert count_layer_macs(network, 9) == by_layer
    assert count_macs(network, 9) == sum(by_layer.values())
    assert count_params(network) == (8 * 27 + 8) + 16 + 8 + 72 + 330


def test_a_transposed_convolution_is_applied_at_each_input() -> None:
    assert count_macs(nn.ConvTranspose2d(3, 5, 2, stride=2), 8) == 64 * 3 * 5 * 4


def test_channels_of_the_images_can_be_given() -> None:
    assert count_macs(nn.Conv2d(1, 4, 1), 2, in_channels=1) == 16


def test_the_network_is_left_as_it_was() -> None:
    network = models.mobilenet_v2(num_classes=10).train()
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    attributes = {name: set(vars(module)) for name, module in network.named_modules()}
    count_macs(network, 64)
    assert network.training
    assert {name: set(vars(module)) for name, module in network.named_modules()} == attributes
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert network.state_dict().keys() == state.keys()
    assert all(torch.equal(network.state_dict()[name], state[name]) for name in state)


class Functional(nn.Module):
    """A weight of the given shape, and what is computed with it."""

    def __init__(self, compute: Callable[[Tensor, Tensor], Tensor], *shape: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.ones(shape))
        self.compute = compute

    def forward(self, x: Tensor) -> Tensor:
        return self.compute(x, self.kernel)


@pytest.mark.parametrize(
    ("compute", "shape", "macs"),
    [
        (F.conv2d, (4, 3, 3, 3), 36 * 4 * 27),
        (F.linear, (5, 8), 24 * 8 * 5),
        (torch.matmul, (8,), 24 * 8),
        (lambda x, w: w @ x[0, 0, 0], (5, 8), 5 * 8),
        (lambda x, w: torch.dot(x[0, 0, 0], w), (8,), 8),
        (lambda x, w: torch.addmv(w[:, 0], w, x[0, 0, 0]), (5, 8), 5 * 8),
        (lambda x, w: torch.addbmm(w[:, :5], x[0], x[0, :, :, :5]), (8, 8), 3 * 8 * 8 * 5),
        (lambda x, w: torch.einsum("bchw,dc->bdhw", x, w), (4, 3), 64 * 12),
        (lambda x, w: F.unfold(x, 3).transpose(1, 2) @ w, (27, 4), 36 * 27 * 4),
        (lambda x, w: (x > 0).to(x.dtype) @ w, (8, 8), 24 * 64),
    ],
)
def test_functional_operations_count_where_they_run(
    compute: Callable[[Tensor, Tensor], Tensor], shape: tuple[int, ...], macs: int
) -> None:
    network = Functional(compute, *shape)
    assert count_layer_macs(network, 8) == {"": macs}
    assert count_layer_macs(nn.Sequential(nn.Identity(), network), 8) == {"1": macs}


@pytest.mark.parametrize(
    ("compute", "shape"),
    [
        (torch.add, (1, 3, 8, 8)),  # an embedding of positions
        (torch.mul, (3, 1, 1)),  # a scale for each channel, as in BN
        (torch.mul, (1, 3, 8, 8)),
        (lambda x, w: F.layer_norm(x, (3, 8, 8), w), (3, 8, 8)),
        (lambda x, w: torch.cat([x, w]), (1, 3, 8, 8)),
        (lambda x, w: w[x.argmax(-1)], (8, 8)),
        (lambda x, w: x + F.embedding(torch.arange(8, device=x.device), w), (8, 8)),
    ],
)
def test_what_only_moves_or_scales_costs_nothing(
    compute: Callable[[Tensor, Tensor], Tensor], shape: tuple[int, ...]
) -> None:
    assert count_layer_macs(Functional(compute, *shape), 8) == {}


class Several(nn.Module):
    """Its own convolution, a layer that is called twice, and one that is called by another name."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.ones(3, 3, 1, 1))
        self.shared = nn.Conv2d(3, 3, 1)
        self.again = nn.Sequential(self.shared, nn.ReLU())
        self.bypassed = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.again(self.shared(F.conv2d(x, self.kernel)))
        return F.conv2d(self.bypassed.forward(x), self.kernel)


def test_layers_add_up_to_the_total() -> None:
    # What bypasses a layer's call counts for the module that called it.
    assert count_layer_macs(Several(), 8) == {"": 3 * 9 * 64, "shared": 2 * 9 * 64}
    assert count_macs(Several(), 8) == 5 * 9 * 64


def test_a_network_may_be_counted_where_nothing_is_recorded() -> None:
    with torch.inference_mode():
        assert count_macs(Several(), 8) == 5 * 9 * 64


def test_attention_counts_products_of_queries_keys_and_values() -> None:
    vit = models.VisionTransformer(16, 4, 1, 2, hidden_dim=32, mlp_dim=64, num_classes=10)
    places = 16 + 1  # patches and the class token
    assert count_operation_macs(vit, 16)["encoder.layers.encoder_layer_0.self_attention"] == {
        "addmm": places * 32 * 3 * 32 + places * 32 * 32,
        "bmm": 2 * places * places * 32,
    }


@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
def test_a_weight_that_is_computed_first_is_counted(name: str) -> None:
    network = getattr(nn.utils.parametrizations, name)(nn.Conv2d(3, 4, 3))
    assert count_layer_macs(network, 8)[""] == 36 * 4 * 27


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_a_network_of_another_dtype_gets_images_of_it(dtype: torch.dtype) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(16, 2)).to(dtype)
    assert count_macs(network, 2) == 4 * 12 + 32


def test_auxiliary_heads_of_training_are_not_counted() -> None:
    network = models.googlenet(init_weights=False).train()
    assert not any(name.startswith("aux") for name in count_layer_macs(network, 64))


def depends_on_values(x: Tensor, w: Tensor) -> Tensor:
    return x * w if x.sum() > 0 else x


def test_a_network_that_looks_at_values_is_an_error() -> None:
    with pytest.raises(NeedsValuesError, match="must run on meta tensors") as error:
        count_macs(Functional(depends_on_values, 1), 8)
    assert "\n" not in str(error.value)


def test_a_scale_a_channel_costs_nothing_as_in_bn() -> None:
    convnext = models.convnext_tiny()  # its blocks own a scale of (C, 1, 1)
    assert round(count_macs(convnext, 224) / 1e9, 2) == 4.46  # 4.46 GMACs in torchvision's table


@pytest.mark.parametrize(
    ("network", "resolution", "given"),
    [
        (nn.Conv2d(3, 8, 5), 2, "3x2x2"),
        (models.VisionTransformer(16, 4, 1, 2, 32, 64), 12, "3x12x12"),  # asserts its size
    ],
)
def test_a_resolution_that_the_network_cannot_take_is_named(
    network: nn.Module, resolution: int, given: Any
) -> None:
    with pytest.raises(ResolutionError, match=f"must accept {given} images") as error:
        count_macs(network, resolution)
    assert "\n" not in str(error.value)


class Scaled(nn.Module):
    """A convolution and a cosine head whose weights are computed from others."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gain = nn.Conv2d(3, 8, 3, padding=1), nn.Parameter(torch.ones(8, 1, 1, 1))
        self.classes = nn.Parameter(torch.randn(10, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(x, self.conv.weight * self.gain * 0.5, padding=1).mean((2, 3))
        return 10 * F.linear(F.normalize(x, dim=1), F.normalize(self.classes, dim=1))


def test_products_of_computed_weights_are_counted() -> None:
    assert count_macs(Scaled(), 8) == 64 * 8 * 27 + 80


@pytest.mark.parametrize(
    ("build", "resolution", "millions"),
    [
        # torchvision's tables: 17.56 G, 4.49 G and 5.56 G at 224 px
        (models.vit_b_16, 224, 17_563.8),
        (models.swin_t, 224, 4_491.4),
        (lambda: models.maxvit_t(input_size=(224, 224)), 224, 5_558.0),
    ],
)
def test_transformers_are_counted_as_published(
    build: Callable[[], nn.Module], resolution: int, millions: float
) -> None:
    assert count_macs(build(), resolution) / 1e6 == pytest.approx(millions, rel=0.01)
