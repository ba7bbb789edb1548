"""Made-up attention in the forms in which networks write it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.proof import prove
from supernet.space import SearchSpace
from supernet.tracing import Heads

SIDE, SIZE, HEADS = 16, 96, 8
SPACE = SearchSpace(resolutions=(SIDE,), divisor=4, groups="layer")


class Attention(nn.Module):
    def __init__(self, heads: int = HEADS) -> None:
        super().__init__()
        self.num_heads, self.head_dim = heads, SIZE // heads
        self.qkv, self.proj = nn.Linear(SIZE, 3 * SIZE), nn.Linear(SIZE, SIZE)

    def attended(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        scores = queries @ keys.transpose(-2, -1) / self.head_dim**0.5
        out: Tensor = scores.softmax(-1) @ values
        return out


class Split(Attention):
    """As in timm's transformers: attributes state the sizes."""

    def forward(self, x: Tensor) -> Tensor:
        n, m, _ = x.shape
        qkv = self.qkv(x).reshape(n, m, 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        out: Tensor = self.proj(self.attended(*qkv.unbind(0)).transpose(1, 2).flatten(2))
        return out


class OfInput(Attention):
    """As in Swin: the features of a head are computed from the input's size."""

    def forward(self, x: Tensor) -> Tensor:
        n, m, c = x.shape
        qkv = self.qkv(x).reshape(n, m, 3, self.num_heads, c // self.num_heads)
        queries, keys, values = qkv.permute(2, 0, 3, 1, 4)
        out: Tensor = self.proj(self.attended(queries, keys, values).transpose(1, 2).flatten(2))
        return out


class Biased(Split):
    """With something for each head: a factor, and a bias from a layer with an output a head."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.rand(HEADS, 1, 1) + 0.5)
        self.bias = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, HEADS))

    def attended(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        m = queries.shape[2]
        places = torch.linspace(-1, 1, 2 * m * m, device=queries.device).view(m, m, 2)
        bias = self.bias(places).permute(2, 0, 1)
        scores = queries @ keys.transpose(-2, -1) * self.factor + bias
        out: Tensor = scores.softmax(-1) @ values
        return out


class Rotated(Split):
    """Queries and keys are rotated by their position: the features of a head must stay."""

    def attended(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        angles = torch.linspace(0, 1, queries.shape[2], device=queries.device)[:, None]
        angles = angles * torch.arange(1, self.head_dim // 2 + 1, device=queries.device)

        def rotated(x: Tensor) -> Tensor:
            one, other = x[..., 0::2], x[..., 1::2]
            turned = one * angles.cos() - other * angles.sin(), one * angles.sin()
            return torch.stack(turned, -1).flatten(-2)

        return super().attended(rotated(queries), rotated(keys), values)


class Normed(Split):
    """Queries and keys are normalised over the features of each head."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(SIZE // HEADS)

    def attended(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return super().attended(self.norm(queries), self.norm(keys), values)


class Fused(Split):
    def attended(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return nn.functional.scaled_dot_product_attention(queries, keys, values)


class Apart(Attention):
    """A layer each for queries, keys and values, of which the keys are smaller."""

    def __init__(self) -> None:
        super().__init__()
        self.key_dim = 4
        self.q, self.k = nn.Linear(SIZE, HEADS * 4), nn.Linear(SIZE, HEADS * 4)
        self.v = nn.Linear(SIZE, SIZE)

    def forward(self, x: Tensor) -> Tensor:
        layers = (self.q, self.key_dim), (self.k, self.key_dim), (self.v, self.head_dim)
        parts = [
            layer(x).unflatten(2, (self.num_heads, size)).transpose(1, 2) for layer, size in layers
        ]
        out: Tensor = self.proj(self.attended(*parts).transpose(1, 2).flatten(2))
        return out


class Network(nn.Module):
    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.embed, self.head = nn.Conv2d(3, SIZE, 4, 4), nn.Linear(SIZE, 4)
        self.norm, self.attention = nn.LayerNorm(SIZE), attention

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        logits: Tensor = self.head((x + self.attention(self.norm(x))).mean(1))
        return logits


ATTENTIONS: dict[str, Callable[[], nn.Module]] = {
    "split": Split,
    "sizes of the input": OfInput,
    "something for each head": Biased,
    "normalised": Normed,
    "fused": Fused,
    "apart": Apart,
    "rotated": Rotated,
}


def make(attention: nn.Module) -> Supernet:
    torch.manual_seed(0)
    return Supernet(Network(attention), torch.empty(1, 3, SIDE, SIDE), SPACE)


@pytest.mark.parametrize("name", ATTENTIONS)
def test_whole_heads_are_removed(name: str) -> None:
    supernet = make(ATTENTIONS[name]())
    assert not supernet.channels.kept
    assert HEADS in {group.size for group in supernet.channels.groups}
    subnet = supernet.extract(supernet.space.smallest)
    attention = subnet.get_submodule("attention")
    assert (vars(attention)["num_heads"], vars(attention)["head_dim"]) == (2, 12)
    assert subnet.get_parameter("attention.proj.weight").shape[1] == 2 * 12
    assert prove(supernet).num_configs == 3


def test_a_width_counts_the_features_of_heads_though_something_has_one_entry_for_each() -> None:
    supernet = make(Biased())
    heads = [group.unit for group in supernet.channels.groups if group.size == HEADS]
    assert heads == [12]


def test_few_heads_lose_the_same_features() -> None:
    """Of four, one would be left at the narrowest width."""
    supernet = make(Split(4))
    attention = supernet.extract(supernet.space.smallest).get_submodule("attention")
    assert (vars(attention)["num_heads"], vars(attention)["head_dim"]) == (4, 6)
    assert prove(supernet).num_configs == 3


def counts(num_heads: int, num_features: int) -> range:
    return range(num_heads // 4, num_heads + 1, 2 if num_features == 4 else 1)


@pytest.mark.parametrize(
    ("heads", "features", "enough"),
    [(8, 8, True), (4, 8, False), (12, 4, True), (3, 8, False), (8, 4, True), (6, 4, False)],
)
def test_two_heads_and_three_widths_must_be_left(heads: int, features: int, enough: bool) -> None:
    assert Heads(counts).are_enough(heads, features) is enough


def test_heads_are_where_features_are_contracted() -> None:
    heads = Heads(counts)
    heads.note_split("body.attention", 8, 16)
    heads.note_split("body.other", 8, 20)
    heads.note_contraction("body.attention.core", 16)
    heads.note_contraction("body.attention", 20)
    assert heads.found == {("body.attention", 8)}
    assert not heads.are_removed_in("body.attention")
    assert Heads(counts, frozenset(heads.found)).are_removed_in("body.attention")
