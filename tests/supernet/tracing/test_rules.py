"""Small networks, one for each awkward pattern, with their groups worked out by hand.

A group counts its channels where they are fewest: behind a pixel shuffle, or in one of a
convolution's groups.

Each is also run at random widths, and compared with the full network in which all entries of
removed channels are zero: in these networks a channel of zeros adds nothing, so both must agree.
"""

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.space import SearchSpace, SubnetConfig

SPACE = SearchSpace(resolutions=(8,), divisor=1, groups="layer")

Forward = Callable[[Any, Tensor], Any]


class Network(nn.Module):
    def __init__(self, layers: dict[str, nn.Module], run: Forward) -> None:
        super().__init__()
        self.layers, self.run = nn.ModuleDict(layers), run

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.run(self.layers, x)
        return out


def conv(i: int, o: int, k: int = 1, *, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(i, o, k, padding=k // 2, groups=groups)


def pooled(x: Tensor) -> Tensor:
    return x.mean((2, 3))


def shuffle(x: Tensor, groups: int) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


def shared_weight(m: Any, x: Tensor) -> Any:
    x = m["a"](x)
    return m["h"](pooled(F.conv2d(x, m["b"].weight) + F.conv2d(x, m["b"].weight)))


def attention(m: Any, x: Tensor) -> Any:
    q, k, v = (m[name](x).flatten(2) for name in "qkv")
    return m["h"]((v @ (q.transpose(1, 2) @ k)).mean(2))


def split_unequal(m: Any, x: Tensor) -> Any:
    first, second = m["a"](x).split([4, 12], dim=1)
    return m["h"](pooled(torch.cat([m["b"](first), second], 1)))


def in_place(m: Any, x: Tensor) -> Any:
    x = m["a"](x)
    x += m["b"](x)
    x[:, : x.shape[1] // 2].mul_(2)
    return m["h"](pooled(x))


def two_heads(m: Any, x: Tensor) -> Any:
    x = m["a"](x)
    return torch.cat([m["g"](pooled(x)), m["h"](pooled(m["b"](x)))], 1)


def excite(m: Any, x: Tensor) -> Any:
    x = m["a"](x)
    gate = m["e"](F.relu(m["s"](x.mean((2, 3), keepdim=True)))).sigmoid()
    return m["h"](pooled(x * gate))


def expanded_gates(m: Any, x: Tensor) -> Any:
    x = m["a"](x)
    of_channels = m["c"](pooled(x))[:, :, None, None].expand_as(x)
    of_positions = m["p"](x).expand_as(x)
    return m["h"](pooled(x * (of_channels * of_positions).sigmoid()))


def tied() -> dict[str, nn.Module]:
    layers = {"a": conv(3, 8), "b": conv(8, 8), "c": conv(8, 8), "h": nn.Linear(8, 2)}
    layers["c"].weight = layers["b"].weight
    return layers


Case = tuple[dict[str, nn.Module], Forward, list[tuple[int, str]]]


def cases() -> dict[str, Case]:
    head = nn.Linear
    return {
        "cat": (
            {"a": conv(3, 8), "b": conv(3, 6), "h": head(14, 2)},
            lambda m, x: m["h"](pooled(torch.cat([m["a"](x), m["b"](x)], 1))),
            [(8, "a"), (6, "b")],
        ),
        "cat then split in halves": (
            {"a": conv(3, 6), "b": conv(3, 6), "c": conv(6, 4), "h": head(4, 2)},
            lambda m, x: m["h"](
                pooled(sum(map(m["c"], torch.cat([m["a"](x), m["b"](x)], 1).chunk(2, 1))))
            ),
            [(6, "a b"), (4, "c")],
        ),
        "cat with the image": (
            {"a": conv(3, 8), "b": conv(11, 4), "h": head(4, 2)},
            lambda m, x: m["h"](pooled(m["b"](torch.cat([x, m["a"](x)], 1)))),
            [(8, "a"), (4, "b")],
        ),
        "sum of a concatenation and a convolution": (
            {"a": conv(3, 8), "b": conv(3, 6), "c": conv(3, 14), "h": head(14, 2)},
            lambda m, x: m["h"](pooled(m["c"](x) + torch.cat([m["a"](x), m["b"](x)], 1))),
            [(8, "c a"), (6, "c b")],
        ),
        "channel shuffle": (
            {"a": conv(3, 8), "b": conv(8, 8), "h": head(8, 2)},
            lambda m, x: m["h"](pooled(m["b"](shuffle(m["a"](x), 2)))),
            [(8, "a"), (8, "b")],
        ),
        "two heads": (
            {"a": conv(3, 8), "b": conv(8, 6), "g": head(8, 2), "h": head(6, 2)},
            two_heads,
            [(8, "a"), (6, "b")],
        ),
        "a convolution that is used twice": (
            {"a": conv(3, 8), "b": conv(8, 8), "h": head(8, 2)},
            lambda m, x: m["h"](pooled(m["b"](m["b"](m["a"](x))))),
            [(8, "a b")],
        ),
        "a weight in two functional calls": (
            {"a": conv(3, 8), "b": nn.Conv2d(8, 6, 1, bias=False), "h": head(6, 2)},
            shared_weight,
            [(8, "a"), (6, "b.weight")],
        ),
        "transposed convolution": (
            {"a": conv(3, 8), "b": nn.ConvTranspose2d(8, 6, 2, 2), "h": head(6, 2)},
            lambda m, x: m["h"](pooled(m["b"](m["a"](x)))),
            [(8, "a"), (6, "b")],
        ),
        "squeeze and excitation": (
            {"a": conv(3, 8), "s": conv(8, 4), "e": conv(4, 8), "h": head(8, 2)},
            excite,
            [(8, "a e"), (4, "s")],
        ),
        "1x1 convolution on pooled features": (
            {"a": conv(3, 8), "b": conv(8, 6), "h": head(6, 2)},
            lambda m, x: m["h"](m["b"](F.adaptive_avg_pool2d(m["a"](x), 1)).flatten(1)),
            [(8, "a"), (6, "b")],
        ),
        "two layers with one weight": (
            tied(),
            lambda m, x: m["h"](pooled(m["c"](m["b"](m["a"](x))))),
            [(8, "a b c")],
        ),
        "flatten of many positions": (
            {"a": conv(3, 4), "h": head(4 * 64, 2)},
            lambda m, x: m["h"](m["a"](x).flatten(1)),
            [(4, "a")],
        ),
        "depthwise multiplier 2": (
            {"a": conv(3, 6), "b": conv(6, 12, 3, groups=6), "h": head(12, 2)},
            lambda m, x: m["h"](pooled(m["b"](m["a"](x)))),
            [(6, "a b")],
        ),
        "gated linear unit": (
            {"a": conv(3, 16), "b": conv(8, 6), "h": head(6, 2)},
            lambda m, x: m["h"](pooled(m["b"](F.glu(m["a"](x), 1)))),
            [(8, "a"), (6, "b")],
        ),
        "pixel shuffle": (
            {"a": conv(3, 16), "b": conv(4, 4), "h": head(4, 2)},
            lambda m, x: m["h"](pooled(m["b"](F.pixel_shuffle(m["a"](x), 2)))),
            [(4, "a"), (4, "b")],
        ),
        "grouped convolution that loses groups": (
            {"a": conv(3, 16), "b": conv(16, 16, 3, groups=8), "h": head(16, 2)},
            lambda m, x: m["h"](pooled(m["b"](m["a"](x)))),
            [(16, "a b")],
        ),
        "grouped convolution whose groups shrink": (
            {"a": conv(3, 16), "b": conv(16, 16, 3, groups=2), "h": head(16, 2)},
            lambda m, x: m["h"](pooled(m["b"](m["a"](x)))),
            [(8, "a"), (16, "b")],
        ),
        "attention": (
            {**{name: conv(3, 6) for name in "qkv"}, "h": head(6, 2)},
            attention,
            [(6, "q k"), (6, "v")],
        ),
        "layer scale and a residual sum": (
            {"a": conv(3, 8), "b": conv(8, 8), "n": nn.BatchNorm2d(8), "h": head(8, 2)},
            lambda m, x: m["h"](
                pooled((y := m["a"](x)) + m["n"].weight.view(-1, 1, 1) * m["b"](y))
            ),
            [(8, "a b")],
        ),
        "in-place operations on a slice": (
            {"a": conv(3, 8), "b": conv(8, 8), "h": head(8, 2)},
            in_place,
            [(8, "a b")],
        ),
        "a split with sizes fixed in the code": (
            {"a": conv(3, 16), "b": conv(4, 6), "h": head(18, 2)},
            split_unequal,
            [(6, "b")],
        ),
        "a view with sizes fixed in the code": (
            {"a": conv(3, 8), "b": conv(8, 6), "h": head(6, 2)},
            lambda m, x: m["h"](pooled(m["b"](m["a"](x).view(-1, 8, 64).view(-1, 8, 8, 8)))),
            [(6, "b")],
        ),
        "padding of channels": (
            {"a": conv(3, 8), "b": conv(10, 6), "h": head(6, 2)},
            lambda m, x: m["h"](pooled(m["b"](F.pad(m["a"](x), (0, 0, 0, 0, 1, 1))))),
            [(8, "a"), (6, "b")],
        ),
        "a maximum over channels without its indices": (
            {"a": conv(3, 8), "p": conv(1, 1, 3), "h": head(8, 2)},
            lambda m, x: m["h"](
                pooled((y := m["a"](x).relu()) * m["p"](y.max(1)[0].unsqueeze(1)).sigmoid())
            ),
            [(8, "a")],
        ),
        "a maximum over channels with its indices": (
            {"a": conv(3, 8), "b": conv(8, 6), "h": head(6, 2)},
            lambda m, x: m["h"](
                pooled(m["b"](m["a"](x) * m["a"](x).max(1, keepdim=True)[1].float()))
            ),
            [(6, "b")],
        ),
        "gates that are expanded": (
            {"a": conv(3, 8), "c": head(8, 8), "p": conv(8, 1), "h": head(8, 2)},
            expanded_gates,
            [(8, "a c")],
        ),
        "vectors that are normalised": (
            {"a": conv(3, 8), "h": head(8, 2)},
            lambda m, x: m["h"](pooled(F.normalize(m["a"](x), dim=1))),
            [(8, "a")],
        ),
        "circular padding": (
            {
                "a": conv(3, 8),
                "b": nn.Conv2d(8, 6, 3, padding=1, padding_mode="circular"),
                "h": head(6, 2),
            },
            lambda m, x: m["h"](pooled(m["b"](m["a"](x)))),
            [(8, "a"), (6, "b")],
        ),
        "dropout of channels": (
            {"a": conv(3, 8), "d": nn.Dropout2d(0.5), "h": head(8, 2)},
            lambda m, x: m["h"](pooled(m["d"](m["a"](x)))),
            [(8, "a")],
        ),
        "ones made on the spot": (
            {"a": conv(3, 8), "h": head(8, 2)},
            lambda m, x: m["h"](pooled((y := m["a"](x)) * torch.ones(y.shape[1], 1, 1))),
            [(8, "a")],
        ),
        "a group norm with a group for each channel": (
            {"a": conv(3, 8), "n": nn.GroupNorm(8, 8), "h": head(8, 2)},
            lambda m, x: m["h"](pooled(m["n"](m["a"](x)).relu())),
            [(8, "a")],
        ),
        "a group norm that loses groups": (
            {"a": conv(3, 16), "n": nn.GroupNorm(4, 16), "h": head(16, 2)},
            lambda m, x: m["h"](pooled(m["n"](m["a"](x)).relu())),
            [(16, "a")],
        ),
        "a shuffle of three groups": (
            {
                "a": conv(3, 18),
                "b": conv(18, 18, groups=3),
                "c": conv(18, 12, groups=3),
                "h": head(12, 2),
            },
            lambda m, x: m["h"](pooled(m["c"](shuffle(m["b"](m["a"](x)), 3)))),
            [(6, "a"), (6, "b"), (12, "c")],
        ),
        "a shuffle that mixes what three groups hold": (
            {
                "a": conv(3, 12),
                "b": conv(12, 12, groups=3),
                "c": conv(12, 12, groups=3),
                "h": head(12, 2),
            },
            lambda m, x: m["h"](pooled(m["c"](shuffle(m["b"](m["a"](x)), 3)))),
            [(4, "a"), (12, "c")],
        ),
        "an operation that is not known": (
            {"a": conv(3, 8), "b": conv(8, 6), "h": head(6, 2)},
            lambda m, x: m["h"](pooled(m["b"](m["a"](x).cumsum(1)))),
            [(6, "b")],
        ),
    }


@pytest.fixture(params=cases())
def case(request: pytest.FixtureRequest) -> tuple[Supernet, list[tuple[int, str]]]:
    torch.manual_seed(0)
    layers, run, groups = cases()[request.param]
    model = Network(layers, run)
    return Supernet(model, torch.empty(1, 3, 8, 8), SPACE).eval(), groups


def random_config(supernet: Supernet, seed: int) -> SubnetConfig:
    widths = supernet.space.random_widths(random.Random(seed))
    return SubnetConfig(width_mults=widths, resolution=8)


def masked(supernet: Supernet, config: SubnetConfig) -> dict[str, Tensor]:
    """The full network's tensors with zeros in all that the config removes."""
    kept = supernet.kept_counts(config)
    model = supernet.model
    named = [*model.named_parameters(), *model.named_buffers()]
    tensors = {name: tensor.detach().clone() for name, tensor in named}
    for name, dims in supernet.channels.dims.items():
        for d, dim in enumerate(dims):
            if dim is not None:
                removed = (~dim.is_kept(kept)).nonzero().flatten()
                tensors[name].index_fill_(d, removed, 0)
    return tensors


def test_the_groups_are_those_worked_out_by_hand(
    case: tuple[Supernet, list[tuple[int, str]]],
) -> None:
    supernet, expected = case
    found = [
        (group.num_channels, " ".join(path.removeprefix("layers.") for path in group.layers))
        for group in supernet.channels.groups
    ]
    assert found == expected


def test_a_subnet_is_the_full_network_without_the_removed_channels(
    case: tuple[Supernet, list[tuple[int, str]]],
) -> None:
    supernet, _ = case
    images = torch.randn(2, 3, 8, 8)
    for seed in range(3):
        config = random_config(supernet, seed)
        expected = torch.func.functional_call(supernet.model, masked(supernet, config), (images,))
        torch.testing.assert_close(supernet(images, config), expected, rtol=1e-4, atol=1e-5)
        extracted = supernet.extract(config)(images)
        torch.testing.assert_close(supernet(images, config), extracted, rtol=1e-5, atol=1e-6)
