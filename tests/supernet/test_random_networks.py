"""Random networks of layers called, joined and moved in many ways: views against masks."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.space import SearchSpace, SubnetConfig

SPACE = SearchSpace(resolutions=(6,), divisor=2, groups="layer")

# What a step does, which earlier tensors it takes, and how many channels it makes.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("conv", "grouped", "depthwise", "sum", "cat", "shuffle"),
                *("functional", "past the hooks", "shared", "hooked", "gate", "in place"),
                *("spatial gate", "expanded", "normalised", "ones", "glu", "circular"),
                *("group norm", "channel norm", "instance norm", "norm by hand"),
                *("tied", "turned in place", "numpy's coin", "tracked norm"),
            ]
        ),
        st.integers(0, 7),
        st.integers(0, 7),
        st.sampled_from([4, 6, 8]),
    ),
    min_size=1,
    max_size=7,
)


MAKING = {
    *("conv", "grouped", "functional", "past the hooks"),
    *("glu", "circular", "group norm", "channel norm"),
}
"""Steps that make another number of channels than they take."""


@dataclass
class Node:
    kind: str
    first: int
    second: int
    channels: int


def layer_for(kind: str, size: int, made: int) -> nn.Module:
    match kind:
        case "conv" | "functional" | "past the hooks":
            return nn.Sequential(nn.Conv2d(size, made, 3, padding=1), nn.BatchNorm2d(made))
        case "group norm" | "channel norm":
            norm = nn.GroupNorm(made // 2 if kind == "group norm" else made, made)
            return nn.Sequential(nn.Conv2d(size, made, 3, padding=1), norm)
        case "grouped":
            return nn.Conv2d(size, made, 3, padding=1, groups=2)
        case "depthwise":
            return nn.Conv2d(size, size, 3, padding=1, groups=size)
        case "circular":
            return nn.Conv2d(size, made, 3, padding=1, padding_mode="circular")
        case "glu":
            return nn.Conv2d(size, 2 * made, 1)
        case "shared":
            return nn.Conv2d(size, size, 1)
        case "tied":
            one, other = nn.Conv2d(size, size, 1), nn.Conv2d(size, size, 1)
            other.weight = one.weight
            return nn.Sequential(one, nn.ReLU(), other)
        case "instance norm" | "tracked norm":
            tracks = kind == "tracked norm"
            return nn.InstanceNorm2d(size, affine=True, track_running_stats=tracks)
        case "expanded":
            return nn.Conv2d(size, 1, 1)
        case "spatial gate":
            return nn.Conv2d(1, 1, 3, padding=1)
        case "gate":
            return nn.Linear(size, size)
    return nn.Identity()


class RandomNetwork(nn.Module):
    def __init__(self, steps: list[tuple[str, int, int, int]]) -> None:
        super().__init__()
        self.nodes = [Node("conv", 0, 0, 8)]
        self.layers = nn.ModuleList([nn.Conv2d(3, 8, 1)])
        for kind, one, other, made in steps:
            first, second = one % len(self.nodes), other % len(self.nodes)
            size, other_size = self.nodes[first].channels, self.nodes[second].channels
            if kind == "sum" and size != other_size:
                kind = "cat"
            channels = {"cat": size + other_size}.get(kind, made if kind in MAKING else size)
            layer = layer_for(kind, size, made)
            if kind == "hooked":
                layer.register_forward_hook(lambda module, args, output: self.halve(output))
            self.nodes.append(Node(kind, first, second, channels))
            self.layers.append(layer)
        self.head = nn.Linear(self.nodes[-1].channels, 3)
        self.run = {
            "gate": self.gate,
            "in place": self.in_place,
            "spatial gate": self.spatial_gate,
            "expanded": self.expanded,
            "normalised": self.normalised,
            "ones": self.ones,
            "glu": self.glu,
            "norm by hand": self.norm_by_hand,
            "turned in place": self.turned_in_place,
            "numpy's coin": self.numpys_coin,
        }

    def halve(self, x: Tensor) -> Tensor:
        return x * 0.5

    def gate(self, layer: nn.Module, x: Tensor) -> Tensor:
        y = x.mean((2, 3))
        y.unsqueeze_(1)
        out: Tensor = layer(y).sigmoid_()[:, 0, :, None, None] * x
        return out

    def in_place(self, layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x.clone().mul_(0.5)).relu_()  # type: ignore[no-any-return]

    def spatial_gate(self, layer: nn.Module, x: Tensor) -> Tensor:
        x = x.relu()
        out: Tensor = x * layer(x.max(1)[0].unsqueeze(1)).sigmoid()
        return out

    def expanded(self, layer: nn.Module, x: Tensor) -> Tensor:
        out: Tensor = x * layer(x).expand_as(x).sigmoid()
        return out

    def normalised(self, layer: nn.Module, x: Tensor) -> Tensor:
        return F.normalize(x, dim=1, eps=1e-3)

    def ones(self, layer: nn.Module, x: Tensor) -> Tensor:
        return x * torch.ones(x.shape[1], 1, 1, dtype=x.dtype)

    def glu(self, layer: nn.Module, x: Tensor) -> Tensor:
        return F.glu(layer(x), 1)

    def norm_by_hand(self, layer: nn.Module, x: Tensor) -> Tensor:
        mean = x.mean((0, 2, 3), keepdim=True)
        variance = (x - mean).square().mean((0, 2, 3), keepdim=True)
        return (x - mean) / (variance + 1e-3).sqrt()

    def turned_in_place(self, layer: nn.Module, x: Tensor) -> Tensor:
        return x.clone().transpose_(2, 3).unsqueeze_(0).squeeze_(0)

    def numpys_coin(self, layer: nn.Module, x: Tensor) -> Tensor:
        return x * (0.5 if np.random.rand() < 0.5 else 2.0)

    def forward(self, x: Tensor) -> Tensor:
        layers: list[Any] = list(self.layers)
        made: list[Tensor] = [layers[0](x)]
        for node, layer in zip(self.nodes[1:], layers[1:], strict=True):
            first, second = made[node.first], made[node.second]
            match node.kind:
                case "sum":
                    made.append(first + second)
                case "cat":
                    made.append(torch.cat([first, second], 1))
                case "shuffle":
                    n, c, h, w = first.shape
                    made.append(first.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w))
                case "functional":
                    conv, norm = layer
                    y = F.conv2d(first, conv.weight * 0.5, conv.bias, padding=1)
                    made.append(norm(y).relu())
                case "past the hooks":
                    conv, norm = layer
                    made.append(norm.forward(conv.forward(first)).relu())
                case "shared":
                    made.append(layer(layer(first).relu()))
                case kind if kind in self.run:
                    made.append(self.run[kind](layer, first))
                case _:
                    made.append(layer(first).relu())
        out: Tensor = self.head(made[-1].mean((2, 3)))
        return out


@settings(max_examples=30)
@given(STEPS, st.integers(0, 1000))
def test_views_compute_and_learn_what_a_separate_network_does(
    steps: list[tuple[str, int, int, int]], seed: int
) -> None:
    check_views(steps, seed)


@pytest.mark.slow
@settings(max_examples=200)
@given(STEPS, st.integers(0, 1000))
def test_views_of_many_networks_compute_and_learn_what_separate_ones_do(
    steps: list[tuple[str, int, int, int]], seed: int
) -> None:
    check_views(steps, seed)


def check_views(steps: list[tuple[str, int, int, int]], seed: int) -> None:
    """Against the extracted network, and against the full one with removed channels times 0.

    In these networks a channel of zeros adds nothing, so that the latter, in which nothing is cut,
    computes the same and has the same gradients.
    """
    torch.manual_seed(0)
    model = RandomNetwork(steps).double()
    supernet = Supernet(model, torch.empty(1, 3, 6, 6), SPACE).train()
    widths = supernet.space.random_widths(random.Random(seed))
    config = SubnetConfig(width_mults=widths, resolution=6)
    images = torch.randn(3, 3, 6, 6, dtype=torch.float64)

    def run(network: Callable[[], Tensor]) -> Tensor:
        np.random.seed(seed)
        return network()

    output = run(lambda: supernet(images, config))
    output.square().sum().backward()
    extracted = supernet.extract(config)
    torch.testing.assert_close(output, run(lambda: extracted(images)), rtol=1e-9, atol=1e-12)

    full = {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}
    masked = {name: tensor * mask(supernet, config, name, tensor) for name, tensor in full.items()}
    expected = run(lambda: torch.func.functional_call(model, masked, (images,)))
    expected.square().sum().backward()
    torch.testing.assert_close(output, expected, rtol=1e-9, atol=1e-12)
    for name, parameter in model.named_parameters():
        gradients = [
            torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
            for tensor in (parameter, full[name])
        ]
        torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-12)


def mask(supernet: Supernet, config: SubnetConfig, name: str, tensor: Tensor) -> Tensor:
    """1 where an entry stays, 0 where it is removed."""
    ones = torch.ones_like(tensor, requires_grad=False)
    for d, dim in enumerate(supernet.channels.dims.get(name, ())):
        if dim is not None:
            removed = ~dim.is_kept(supernet.kept_counts(config))
            ones.index_fill_(d, removed.nonzero().flatten(), 0)
    return ones
