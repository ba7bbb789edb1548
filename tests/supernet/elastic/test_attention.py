"""nn.MultiheadAttention narrows with its embedding, however it is used."""

import random
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.attention import projections
from supernet.elastic.supernet import Supernet
from supernet.proof import prove
from supernet.space import SearchSpace, SubnetConfig

SIDE = 32
SPACE = SearchSpace(resolutions=(SIDE,), divisor=2, groups="layer")


class Tokens(nn.Module):
    """Patches of an image, something that computes with them, and a classifier."""

    def __init__(self, channels: int, body: nn.Module) -> None:
        super().__init__()
        self.patches, self.body = nn.Conv2d(3, channels, 8, 8), body
        self.classifier = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        out: Tensor = self.classifier((x + self.body(x)).mean(1))
        return out


class Attending(nn.Module):
    """One layer of attention to itself, or to a narrower image of the tokens."""

    def __init__(self, channels: int, context: int | None = None, **options: object) -> None:
        super().__init__()
        self.context = nn.Linear(channels, context) if context else None
        sizes = {"kdim": context, "vdim": context} if context else {}
        self.attention = nn.MultiheadAttention(channels, **sizes, **options)
        self.batch_first = self.attention.batch_first

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.batch_first else x.transpose(0, 1)
        keys = x if self.context is None else self.context(x)
        y: Tensor = self.attention(x, keys, keys)[0]
        return y if self.batch_first else y.transpose(0, 1)


class Decoder(nn.Module):
    """Learned queries that attend to the tokens."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(5, channels))
        self.layer = nn.TransformerDecoderLayer(channels, 3, 40, dropout=0, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(self.queries.expand(len(x), -1, -1), x)
        return y.mean(1, keepdim=True)


BODIES: dict[str, Callable[[], nn.Module]] = {
    "one head": lambda: Attending(24, num_heads=1, batch_first=True),
    "three heads": lambda: Attending(24, num_heads=3, batch_first=True),
    "sequence first": lambda: Attending(24, num_heads=4),
    "biases of keys and values": lambda: Attending(24, num_heads=4, add_bias_kv=True),
    "attention to zero": lambda: Attending(24, num_heads=4, add_zero_attn=True, bias=False),
    "keys of another size": lambda: Attending(24, 20, num_heads=3, batch_first=True),
    "keys of the same size": lambda: Attending(24, 24, num_heads=3, batch_first=True),
    "encoder": lambda: nn.TransformerEncoder(
        nn.TransformerEncoderLayer(24, 3, 40, dropout=0, batch_first=True),
        2,
        enable_nested_tensor=False,
    ),
    "norm first": lambda: nn.TransformerEncoderLayer(
        24, 3, 40, dropout=0, activation="gelu", norm_first=True, batch_first=True
    ),
    "decoder": lambda: Decoder(24),
}


@pytest.mark.parametrize("name", BODIES)
def test_all_is_elastic_and_exact(name: str) -> None:
    torch.manual_seed(0)
    images = torch.randn(2, 3, SIDE, SIDE)
    supernet = Supernet(Tokens(24, BODIES[name]()), images, SPACE).eval()
    assert not supernet.channels.kept
    seeds = map(random.Random, range(3))
    widths = [(0.25,), *map(supernet.space.random_widths, seeds)]
    sizes = set()
    for width_mults in widths:
        config = SubnetConfig(width_mults=width_mults, resolution=SIDE)
        extracted = supernet.extract(config).eval()
        with torch.enable_grad():  # without, PyTorch takes another path, with its own rounding
            torch.testing.assert_close(extracted(images), supernet(images, config))
        with torch.inference_mode():
            torch.testing.assert_close(extracted(images), supernet(images, config))
        for module in extracted.modules():
            if isinstance(module, nn.MultiheadAttention):
                assert module.embed_dim == module.num_heads * module.head_dim
                sizes.add(module.embed_dim)
                assert len({len(weight) for weight in projections(module)}) == 1
                assert module.kdim == projections(module)[-1].shape[1] == module.vdim
    assert len(sizes) > 1


def test_the_proof_holds() -> None:
    torch.manual_seed(0)
    network = Tokens(24, BODIES["encoder"]())
    prove(Supernet(network, torch.empty(1, 3, SIDE, SIDE), SPACE))


@pytest.mark.parametrize(
    ("channels", "num_heads", "places", "smallest"),
    [(48, 8, (8, 6), (2, 6)), (24, 2, (12, 2), (2, 3))],
)
def test_whole_heads_are_removed_and_of_two_the_same_features(
    channels: int, num_heads: int, places: tuple[int, int], smallest: tuple[int, int]
) -> None:
    network = Tokens(channels, Attending(channels, num_heads=num_heads, batch_first=True))
    supernet = Supernet(network, torch.empty(1, 3, SIDE, SIDE), SPACE)
    (group,) = supernet.channels.groups
    assert (group.size, group.unit) == places
    attention = supernet.extract(supernet.space.smallest).get_submodule("body.attention")
    assert (vars(attention)["num_heads"], vars(attention)["head_dim"]) == smallest


def test_heads_that_cannot_shrink_are_told() -> None:
    """There are two, of one feature each."""
    supernet = Supernet(
        Tokens(2, Attending(2, num_heads=2, batch_first=True)),
        torch.empty(1, 3, SIDE, SIDE),
        SPACE,
    )
    assert not supernet.channels.groups
    assert any("body.attention" in each.path for each in supernet.channels.kept)


def test_a_layer_that_never_runs_is_no_obstacle() -> None:
    network = Tokens(24, Attending(24, num_heads=3, batch_first=True))
    network.spare = nn.MultiheadAttention(24, 3)
    assert Supernet(network, torch.empty(1, 3, SIDE, SIDE), SPACE).channels.groups
