"""Building blocks as timm writes them: each becomes elastic, and what cannot says why."""

import math
import random
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from nas.cost.macs import count_macs
from supernet.elastic.describe import count_elastic
from supernet.elastic.supernet import Supernet
from supernet.space import SearchSpace, SubnetConfig

SPACE = SearchSpace(resolutions=(8,), divisor=2, groups="layer")


class BatchNormAct(nn.BatchNorm2d):
    """A subclass of a known layer, with its activation inside."""

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(super().forward(x), inplace=True)


class StandardisedConv(nn.Conv2d):
    """Computes with weights of mean 0 and variance 1 (NFNet's, with a gain for each channel)."""

    def __init__(self, i: int, o: int, k: int) -> None:
        super().__init__(i, o, k, padding=k // 2)
        self.gain = nn.Parameter(torch.full((o, 1, 1, 1), 0.7))

    def forward(self, x: Tensor) -> Tensor:
        weight = F.batch_norm(
            self.weight.reshape(1, self.out_channels, -1),
            None,
            None,
            weight=self.gain.view(-1),
            training=True,
            momentum=0.0,
        ).reshape_as(self.weight)
        return F.conv2d(x, weight, self.bias, padding=self.padding)


class SqueezeExcite(nn.Module):
    """A gate of two 1 x 1 convolutions on pooled features."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, 8, 1), nn.Conv2d(8, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.expand(F.relu(self.reduce(x.mean((2, 3), keepdim=True))))
        out: Tensor = x * F.hardsigmoid(gate)
        return out


class EfficientChannelAttention(nn.Module):
    """A gate of one small kernel that slides along the pooled channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x.mean((2, 3)).view(x.shape[0], 1, -1))
        out: Tensor = x * y.view(x.shape[0], -1, 1, 1).sigmoid().expand_as(x)
        return out


class DropPath(nn.Module):
    """Stochastic depth, decided image by image."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x * x.new_empty((x.shape[0], 1, 1, 1)).bernoulli_(0.9).div_(0.9)


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation over the channels of an image."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNextBlock(nn.Module):
    """Depthwise, norm, an MLP in channels-last, layer scale, a residual sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.up, self.down = nn.Linear(channels, 32), nn.Linear(32, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.5))
        self.drop_path = DropPath()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale * self.down(F.gelu(self.up(y)))
        out: Tensor = x + self.drop_path(y.permute(0, 3, 1, 2))
        return out


class TransformerBlock(nn.Module):
    """A transformer's block on patches: attention and an MLP."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(channels, 4, batch_first=True)
        self.norm = nn.LayerNorm(channels)
        self.up, self.down = nn.Linear(channels, 32), nn.Linear(32, channels)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        tokens = tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]
        tokens = tokens + self.down(F.gelu(self.up(self.norm(tokens))))
        out: Tensor = tokens.transpose(1, 2).unflatten(2, x.shape[2:])
        return out


BLOCKS: dict[str, Callable[[], nn.Module]] = {
    "norm with activation": lambda: BatchNormAct(16),
    "standardised convolution": lambda: StandardisedConv(16, 24, 3),
    "squeeze and excitation": lambda: SqueezeExcite(16),
    "efficient channel attention": lambda: EfficientChannelAttention(),
    "drop path": lambda: DropPath(),
    "patches merged by a norm and a convolution": lambda: nn.Sequential(
        LayerNorm2d(16), nn.Conv2d(16, 24, 2, 2)
    ),
    "ConvNeXt block": lambda: ConvNextBlock(16),
    "transformer block": lambda: TransformerBlock(16),
}
GROUPS = {
    "norm with activation": [16],
    "standardised convolution": [16, 24],
    "squeeze and excitation": [16, 8],
    "efficient channel attention": [16],
    "drop path": [16],
    "patches merged by a norm and a convolution": [16, 24],
    "ConvNeXt block": [16, 32],
    "transformer block": [16, 32],
}


def network(block: nn.Module) -> nn.Module:
    out = (
        24
        if any(isinstance(m, nn.Conv2d) and m.out_channels == 24 for m in block.modules())
        else 16
    )
    stem = nn.Conv2d(3, 16, 3, padding=1)
    return nn.Sequential(stem, block, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(out, 4))


def check_at_random_widths(supernet: Supernet) -> None:
    """The extracted network computes and learns what the views do."""
    images = torch.randn(2, 3, 8, 8)
    for seed in range(3):
        widths = supernet.space.random_widths(random.Random(seed))
        config = SubnetConfig(width_mults=widths, resolution=8)
        extracted, output = supernet.extract(config)(images), supernet(images, config)
        assert output.std() > 0
        torch.testing.assert_close(output, extracted, rtol=1e-5, atol=1e-6)
    supernet.train()
    supernet(images, config).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in supernet.model.parameters())


@pytest.mark.parametrize("name", BLOCKS)
def test_all_of_a_block_is_elastic(name: str) -> None:
    torch.manual_seed(0)
    supernet = Supernet(network(BLOCKS[name]()), torch.empty(1, 3, 8, 8), SPACE).eval()
    assert [group.num_channels for group in supernet.channels.groups] == GROUPS[name]
    assert not supernet.channels.kept
    half = supernet.kept_counts(supernet.space.uniform(0.5, 8))
    counts = count_elastic(supernet.model, supernet.channels, half)
    extracted = supernet.extract(supernet.space.uniform(0.5, 8))
    assert counts["kept_params"] == sum(p.numel() for p in extracted.parameters())
    check_at_random_widths(supernet)


class Doubled(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight * 2


def doubled(layer: nn.Module) -> nn.Module:
    parametrize.register_parametrization(layer, "weight", Doubled())
    return layer


class LowRank(nn.Module):
    """A convolution with a trained change of low rank (LoRA)."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        out, *rest = conv.weight.shape
        self.conv, self.down = conv, nn.Parameter(torch.randn(2, math.prod(rest)))
        self.up = nn.Parameter(torch.randn(out, 2))

    def forward(self, x: Tensor) -> Tensor:
        conv = self.conv
        weight = conv.weight + (self.up @ self.down).view(conv.weight.shape)
        return F.conv2d(x, weight, conv.bias, conv.stride, conv.padding)


WRAPPERS: dict[str, Callable[[nn.Conv2d], nn.Module]] = {
    "weight norm": parametrizations.weight_norm,
    "weight norm by hooks": nn.utils.weight_norm,
    "a parametrization": doubled,
    "LoRA": LowRank,
}


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_convolutions_with_computed_weights_are_elastic(
    wrap: Callable[[nn.Conv2d], nn.Module],
) -> None:
    torch.manual_seed(0)
    depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
    layers = [
        *(wrap(nn.Conv2d(3, 16, 3, padding=1)), nn.BatchNorm2d(16), nn.ReLU()),
        *(depthwise if wrap is LowRank else wrap(depthwise), nn.ReLU()),
        *(wrap(nn.Conv2d(16, 8, 1)), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)),
    ]
    supernet = Supernet(nn.Sequential(*layers).double(), torch.empty(1, 3, 8, 8), SPACE)
    assert [group.num_channels for group in supernet.channels.groups] == [16, 8]
    images = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    assert torch.equal(supernet(images, supernet.space.largest), supernet.model(images))
    config = SubnetConfig(width_mults=(0.5, 0.25), resolution=8)
    output = supernet(images, config)
    torch.testing.assert_close(output, supernet.extract(config)(images))
    output.sum().backward()
    sizes = [len(p) for p in supernet.extract(config).parameters()]
    assert max(sizes) == 8


@pytest.mark.parametrize("wrap", [parametrizations.orthogonal, parametrizations.spectral_norm])
def test_weights_computed_in_another_way_say_which_operation_keeps_them_whole(
    wrap: Callable[[nn.Module], nn.Module],
) -> None:
    model = nn.Sequential(wrap(nn.Conv2d(3, 16, 3, padding=1)), wrap(nn.Conv2d(16, 8, 1)))
    supernet = Supernet(model, torch.empty(1, 3, 8, 8), SPACE)
    assert not supernet.channels.groups
    kept = supernet.channels.kept
    assert {each.path.partition(".")[0] for each in kept} == {"0", "1"}
    assert all(each.num_channels and each.operation for each in kept)


class Blur(nn.Module):
    """Each channel is blurred by a kernel that is repeated on the spot."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.tensor([[[[1.0, 2.0, 1.0]]]]) / 4)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[1]
        kernel = self.get_buffer("kernel").repeat(size, 1, 1, 1)
        return F.conv2d(x, kernel, padding=(0, 1), groups=size)


def test_a_kernel_made_on_the_spot_for_each_channel_leaves_the_channels_elastic() -> None:
    layers = nn.Conv2d(3, 16, 1), Blur(), nn.Conv2d(16, 8, 1), nn.AdaptiveAvgPool2d(1)
    supernet = Supernet(nn.Sequential(*layers), torch.empty(1, 3, 8, 8), SPACE)
    assert not supernet.channels.kept
    assert [group.num_channels for group in supernet.channels.groups] == [16]


class Wavelet(nn.Module):
    """Each channel is decomposed by the same four filters, which are repeated on the spot."""

    def __init__(self) -> None:
        super().__init__()
        signs = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
        self.register_buffer("filters", signs.view(4, 1, 2, 2) / 2)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[1]
        filters = self.get_buffer("filters").repeat(size, 1, 1, 1)
        return F.conv2d(x, filters, stride=2, groups=size)


def test_filters_repeated_for_each_channel_leave_the_channels_elastic() -> None:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 16, 1), Wavelet(), nn.Conv2d(64, 32, 1), nn.AdaptiveAvgPool2d(1)
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(32, 4))
    supernet = Supernet(network, torch.empty(1, 3, 8, 8), SPACE).eval()
    assert not supernet.channels.kept
    assert [group.num_channels for group in supernet.channels.groups] == [16, 32]
    for config in (supernet.space.largest, supernet.space.smallest):
        kept = supernet.kept_counts(config)
        counts = count_elastic(supernet.model, supernet.channels, kept)
        assert counts["kept_macs"] == count_macs(supernet.extract(config), 8)
        assert counts["elastic_macs"] == counts["macs"]
    check_at_random_widths(supernet)


def lenet() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 6, 1), nn.Conv2d(6, 32, 1), nn.Conv2d(32, 4, 1))


def test_layers_narrower_than_the_divisor_are_elastic() -> None:
    space = SearchSpace(resolutions=(8,), divisor=8)
    supernet = Supernet(lenet(), torch.empty(1, 3, 8, 8), space).eval()
    assert not supernet.channels.kept
    assert [supernet.kept_counts(space.uniform(w, 8)) for w in (0.25, 0.6)] == [(2, 8), (4, 24)]
    check_at_random_widths(supernet)


def test_layers_for_which_no_other_width_is_a_multiple_are_listed() -> None:
    space = SearchSpace(widths=(0.9, 1.0), resolutions=(8,), divisor=8)
    first, second = Supernet(lenet(), torch.empty(1, 3, 8, 8), space).channels.kept
    assert (first.path, first.num_channels) == ("0", 6)
    assert first.why == "no other width from 0.9 is a multiple of 2 channels"
    assert (second.path, second.num_channels) == ("1", 32)


def unsqueezed(x: Tensor) -> Tensor:
    gate = x.mean((2, 3))
    gate.unsqueeze_(2)
    gate.unsqueeze_(-1)
    return x * gate.sigmoid_()


def transposed(x: Tensor) -> Tensor:
    tokens = x.flatten(2)
    tokens.transpose_(1, 2)
    return tokens.softmax(-1).transpose_(1, 2).view_as(x)


def squeezed(x: Tensor) -> Tensor:
    gate = x.mean((2, 3), keepdim=True)
    gate.squeeze_(-1)
    gate.squeeze_(dim=2)
    return x * gate[:, :, None, None]


def with_coordinates(x: Tensor) -> Tensor:
    return x + torch.linspace(-1, 1, x.shape[-1])  # on the CPU, wherever the images are


def with_a_coin(x: Tensor) -> Tensor:
    return x * 2 if torch.rand(1, device=x.device).item() < 0.5 else x * 3


@pytest.mark.parametrize(
    "compute", [unsqueezed, transposed, squeezed, with_coordinates, with_a_coin]
)
def test_views_in_place_other_devices_and_coins_leave_channels_elastic(
    compute: Callable[[Tensor], Tensor],
) -> None:
    class Computes(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return compute(x)

    layers = nn.Conv2d(3, 16, 1), Computes(), nn.Conv2d(16, 4, 1), nn.AdaptiveAvgPool2d(1)
    supernet = Supernet(nn.Sequential(*layers), torch.empty(1, 3, 8, 8), SPACE)
    assert not supernet.channels.kept
    assert [group.num_channels for group in supernet.channels.groups] == [16]
    images, config = torch.randn(2, 3, 8, 8), supernet.space.smallest
    outputs = []
    for network in (supernet.subnet(config), supernet.extract(config)):
        torch.manual_seed(0)
        outputs.append(network(images))
    torch.testing.assert_close(*outputs)
    assert count_macs(supernet.extract(config), 8) == 64 * (3 * 4 + 4 * 4)
