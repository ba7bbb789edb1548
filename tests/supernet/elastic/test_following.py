"""Attributes that state sizes in plain numbers follow the channels that they count."""

import random

import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.following import counting, followed
from supernet.elastic.supernet import Supernet
from supernet.proof.proving import prove
from supernet.space import SearchSpace, SubnetConfig


class Scale(nn.Module):
    """The shape of its parameter is an attribute."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.shape = (size, 1, 1)
        self.scale = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale.view(self.shape)


class Attention(nn.Module):
    """All sizes are attributes; of queries and keys there are fewer channels than of values."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads, self.key_size, self.value_size = heads, 8, 16
        self.attention_size = heads * self.value_size
        self.qkv = nn.Linear(size, heads * (2 * self.key_size + self.value_size))
        self.proj = nn.Linear(self.attention_size, size)

    def forward(self, x: Tensor) -> Tensor:
        n, m, _ = x.shape
        qkv = self.qkv(x).view(n, m, self.heads, -1)
        queries, keys, values = (
            each.transpose(1, 2)
            for each in qkv.split([self.key_size, self.key_size, self.value_size], 3)
        )
        attention = (queries @ keys.transpose(-2, -1) * 0.25).softmax(-1)
        out: Tensor = self.proj(
            (attention @ values).transpose(1, 2).reshape(n, m, self.attention_size)
        )
        return out


class Heads(nn.Module):
    """As timm's ViT: the features of a head and their sum are attributes."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads, self.head_dim, self.attn_dim = heads, size // heads, size
        self.qkv, self.proj = nn.Linear(size, 3 * size), nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        n, m, _ = x.shape
        qkv = self.qkv(x).reshape(n, m, 3, self.heads, self.head_dim).permute(2, 0, 3, 1, 4)
        queries, keys, values = qkv.unbind(0)
        attention = (queries @ keys.transpose(-2, -1) * 0.25).softmax(-1)
        out: Tensor = self.proj((attention @ values).transpose(1, 2).reshape(n, m, self.attn_dim))
        return out


class Network(nn.Module):
    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.scale = nn.Conv2d(3, 48, 4, 4), Scale(48)
        self.block, self.head = block, nn.Linear(48, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.scale(self.embed(x)).flatten(2).transpose(1, 2)
        x = x + self.block(x)
        logits: Tensor = self.head(x.mean(1))
        return logits


def make(block: nn.Module) -> Supernet:
    space = SearchSpace(resolutions=(16,), groups="layer")
    return Supernet(Network(block), torch.empty(1, 3, 16, 16), space)


def test_sizes_of_heads_follow() -> None:
    supernet = make(Heads(48, 4))
    assert not supernet.channels.kept
    assert {name for _, name in supernet.channels.following} == {"head_dim", "attn_dim", "shape"}
    subnet = supernet.extract(SubnetConfig(width_mults=(0.5,), resolution=16))
    block = subnet.get_submodule("block")
    assert isinstance(block, Heads)
    assert (block.heads, block.head_dim, block.attn_dim) == (4, 6, 24)
    assert subnet.get_submodule("scale").shape == (24, 1, 1)
    full = supernet.model.get_submodule("block")
    assert isinstance(full, Heads)
    assert (full.head_dim, full.attn_dim) == (12, 48)
    assert prove(supernet).num_configs == 3


def test_a_subnet_of_a_subnet_keeps_its_sizes() -> None:
    supernet = make(Heads(48, 4))
    images = torch.randn(2, 3, 16, 16)
    for seed in range(3):
        widths = supernet.space.random_widths(random.Random(seed))
        config = SubnetConfig(width_mults=widths, resolution=16)
        extracted = supernet.eval().extract(config)
        torch.testing.assert_close(extracted(images), supernet(images, config))


def test_pieces_of_unequal_size_stay_whole_but_exact() -> None:
    supernet = make(Attention(48, 4))
    assert prove(supernet).num_configs == 3
    assert len(supernet.channels.groups) >= 1


class ChannelsLast(nn.Module):
    """A layer that is given the channels last."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x.movedim(1, -1)).movedim(-1, 1)
        return out


@pytest.mark.parametrize(
    ("layer", "attribute", "narrow"),
    [
        (ChannelsLast(nn.LayerNorm(16, elementwise_affine=False)), "normalized_shape", (8,)),
        (ChannelsLast(nn.RMSNorm(16, elementwise_affine=False)), "normalized_shape", (8,)),
        (ChannelsLast(nn.RMSNorm(16)), "normalized_shape", (8,)),
        (nn.Sequential(nn.Flatten(), nn.Unflatten(1, (16, 8, 8))), "unflattened_size", (8, 8, 8)),
    ],
)  # fmt: skip
def test_sizes_of_torchs_own_layers_follow(
    layer: nn.Module, attribute: str, narrow: object
) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 16, 1), layer, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4)
    )
    space = SearchSpace(resolutions=(8,), groups="layer")
    supernet = Supernet(network, torch.empty(1, 3, 8, 8), space)
    assert not supernet.channels.kept
    half = supernet.extract(SubnetConfig(width_mults=(0.5,), resolution=8))
    found = [vars(m)[attribute] for m in half.modules() if attribute in vars(m)]
    assert found == [narrow]
    assert prove(supernet).num_configs == 3


def test_attributes_are_found_by_their_value() -> None:
    axes = [torch.arange(48), torch.arange(12), None, torch.arange(48)]
    found = counting(Heads(48, 4), axes)
    assert {name: [*sizes] for name, sizes in found.items()} == {"head_dim": [12], "attn_dim": [48]}
    assert found["attn_dim"][48] is axes[0]
    assert counting(nn.Linear(48, 12), axes) == {}
    several = nn.Module()
    vars(several).update(sizes=[12, 5, 48, 12], flag=True)
    assert [*counting(several, axes)["sizes"]] == [12, 48]


@pytest.mark.parametrize(
    ("before", "after"), [(32, 8), ((32, 1, 1), (8, 1, 1)), ([16, 32, 16, 8], [32, 8, 32, 8])]
)
def test_all_numbers_of_an_attribute_follow_at_once(before: object, after: object) -> None:
    assert followed(before, {32: 8, 16: 32}) == after


class Parts(nn.Module):
    """As timm's FasterNet and InceptionNeXt: a few channels are convolved, the others are not."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes, first = sizes, sizes[0]
        self.convs = nn.ModuleList(nn.Conv2d(size, size, 3, padding=1) for size in sizes[1:])
        self.untouched = first

    def forward(self, x: Tensor) -> Tensor:
        first, *others = x.split(list(self.sizes), dim=1)
        done = [conv(part) for conv, part in zip(self.convs, others, strict=True)]
        return torch.cat([first, *done], 1)


class HeadByHead(nn.Module):
    """As timm's EfficientViT: each head has a layer of its own and adds what the last one found."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.key_size, self.value_size = 8, size // heads
        outputs = 2 * self.key_size + self.value_size
        self.heads = nn.ModuleList(nn.Linear(size // heads, outputs) for _ in range(heads))
        self.proj = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        found, last = [], torch.zeros(())
        for head, part in zip(self.heads, x.chunk(len(self.heads), dim=-1), strict=True):
            sizes = [self.key_size, self.key_size, self.value_size]
            queries, keys, values = head(part + last).split(sizes, dim=-1)
            last = (queries @ keys.transpose(-2, -1)).softmax(-1) @ values
            found.append(last)
        out: Tensor = self.proj(torch.cat(found, -1))
        return out


def test_a_number_that_several_groups_have_makes_them_one() -> None:
    supernet = make(HeadByHead(48, 3))
    assert not supernet.channels.kept
    assert sorted(group.size for group in supernet.channels.groups) == [8, 16]
    assert prove(supernet).num_configs == 3


@pytest.mark.parametrize("sizes", [(36, 12), (24, 8, 8, 8), (12, 36), (16, 8, 24)])
def test_parts_of_unequal_size_follow_a_list(sizes: tuple[int, ...]) -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 48, 1), Parts(sizes), nn.ReLU(), Parts(sizes), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(48, 4),
    )  # fmt: skip
    space = SearchSpace(resolutions=(8,), groups="layer")
    supernet = Supernet(network, torch.empty(1, 3, 8, 8), space)
    assert not supernet.channels.kept
    assert {g.num_channels for g in supernet.channels.groups} == set(sizes)
    half = supernet.extract(SubnetConfig(width_mults=(0.5,), resolution=8))
    narrow = vars(half.get_submodule("1"))["sizes"]
    assert sum(narrow) == len(half.get_submodule("0").get_parameter("weight")) < 36
    assert prove(supernet).num_configs == 3
