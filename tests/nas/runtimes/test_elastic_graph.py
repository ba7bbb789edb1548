"""One graph serves all subnets: filled, it computes what each of them computes."""

from itertools import pairwise

import numpy as np
import onnx
import onnx.checker
import onnx.reference
import pytest
import torch
from torch import nn

from nas.runtimes.elastic_graph import ElasticGraph
from nas.runtimes.onnx_graph import export_graph


def network(width: int, *, stride: int = 1) -> nn.Module:
    """Convolution, depthwise convolution, flatten of more than one pixel, linear."""
    layers = nn.Sequential(
        nn.Conv2d(3, width, 3, stride=2, padding=1),
        nn.ReLU6(),
        nn.Conv2d(width, width, 3, stride=stride, padding=1, groups=width),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * width, 4),
    )
    return layers.eval().requires_grad_(False)


def images(resolution: int, num: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(num, 3, resolution, resolution, generator=generator)


class Shared(nn.Module):
    """One layer under three names, and one weight of two layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.shared = nn.Conv2d(3, width, 1), nn.Conv2d(width, width, 1)
        self.blocks = nn.ModuleList(nn.Sequential(self.shared, nn.ReLU()) for _ in range(2))
        self.other = nn.Conv2d(width, width, 1, bias=False)
        self.other.weight = self.shared.weight
        self.last = nn.Linear(width, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        logits: torch.Tensor = self.last(self.other(x).mean((2, 3)))
        return logits


def test_a_layer_that_has_several_names_is_one() -> None:
    x = images(8)
    small, large = (Shared(width).eval().requires_grad_(False) for width in (8, 16))
    graph = graph_of(large, x)
    require_same(graph, large, x)
    require_same(graph, small, x)


def graph_of(alone: nn.Module, x: torch.Tensor) -> ElasticGraph:
    return ElasticGraph(export_graph(alone, x), alone)


def require_same(graph: ElasticGraph, alone: nn.Module, x: torch.Tensor) -> None:
    """The filled graph computes `alone`, by onnx's own reference implementation: no runtime."""
    model = graph.filled(alone, x).self_contained()
    onnx.checker.check_model(model, full_check=True)
    (got,) = onnx.reference.ReferenceEvaluator(model).run(None, {"images": x.numpy()})
    np.testing.assert_allclose(np.asarray(got), alone(x), rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def graph() -> ElasticGraph:
    return graph_of(network(8), images(8))


@pytest.mark.parametrize("width", [4, 8, 24])
def test_a_graph_filled_with_a_sibling_computes_the_sibling(
    graph: ElasticGraph, width: int
) -> None:
    require_same(graph, network(width), images(8))


def test_filling_leaves_the_graph_as_it_was(graph: ElasticGraph) -> None:
    first = graph.filled(network(8), images(8)).graph
    graph.filled(network(4), images(8))
    assert graph.filled(network(8), images(8)).graph == first


def test_the_weights_stay_outside_until_they_are_asked_for(graph: ElasticGraph) -> None:
    sibling = network(8)
    model = graph.filled(sibling, images(8))
    assert set(model.weights) == set(sibling.state_dict())
    inside = [t for t in model.graph.graph.initializer if t.data_location != t.EXTERNAL]
    assert sum(np.prod(tensor.dims) for tensor in inside) < 16  # the bounds of ReLU6 and the like
    assert len(model.graph.SerializeToString()) < 4000


def test_extra_state_that_is_no_tensor_is_left_out() -> None:
    class Noted(nn.ReLU):
        def get_extra_state(self) -> dict[str, int]:
            return {"version": 1}

    noted, x = network(8), images(8)
    noted[1] = Noted()  # type: ignore[operator]
    model = graph_of(noted, x).filled(noted, x)
    assert set(model.weights) == set(network(8).state_dict())


class Scaled(nn.Module):
    """A weight that is transposed and two that are computed with before any image comes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(width)
        self.conv = nn.Conv2d(3, width, 1)
        self.linear = nn.Linear(width, 2 * width)
        self.out = nn.Linear(2 * width, 4)
        self.scale = nn.Parameter(torch.randn(width, generator=generator))
        self.position = nn.Parameter(torch.randn(1, width, generator=generator))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x) * (self.scale + self.position).view(1, -1, 1, 1)
        return self.out(self.linear(x.permute(0, 2, 3, 1)).relu().mean((1, 2)))  # type: ignore[no-any-return]


def test_what_is_computed_from_weights_alone_is_computed_from_each_siblings() -> None:
    x = images(6)
    graph = graph_of(Scaled(8).eval().requires_grad_(False), x)
    for width in (8, 4, 12):
        require_same(graph, Scaled(width).eval().requires_grad_(False), x)


def test_a_file_holds_what_its_weights_alone_determine() -> None:
    x, alone = images(6), Scaled(8).eval().requires_grad_(False)
    model = graph_of(alone, x).filled(alone, x)
    operators = [node.op_type for node in model.self_contained().graph.node]
    assert operators.count("Transpose") == 1, "that of the images; the weight's is done"
    assert "Reshape" not in operators, "the sum of scale and position is a constant"
    assert len(model.self_contained().graph.initializer) < len(model.weights) + 4


class Shaped(nn.Module):
    """Names its channel counts in a reshape, a split, a slice, a resize and a scale."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 2 * first, 1), nn.Conv2d(first, second, 1)
        self.grid = nn.Parameter(torch.randn(1, second, 3, 3, generator=torch.Generator()))
        self.out = nn.Linear(second, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        half = x.shape[1] // 2
        x = x[:, :half] * x[:, half:].sigmoid()
        x = self.second(x)
        num, channels, height, width = x.shape
        x = x + nn.functional.interpolate(self.grid, (height, width), mode="bilinear")
        one, other = (
            (x * channels**-0.5).view(num, channels // 2, 2, height * width).split([1, 1], 2)
        )
        x = torch.cat([one, other], 2).transpose(1, 2).reshape(num, channels, height, width)
        return self.out(x.mean((2, 3)))  # type: ignore[no-any-return]


def shaped(first: int, second: int) -> nn.Module:
    return Shaped(first, second).eval().requires_grad_(False)


def test_sizes_in_a_graph_are_learnt_from_two_subnets() -> None:
    x = images(6)
    graph = graph_of(shaped(16, 32), x)
    assert graph.learn(graph_of(shaped(8, 24), x))
    for widths in [(16, 32), (8, 24), (4, 8), (12, 32)]:
        require_same(graph, shaped(*widths), x)


def test_sizes_that_went_together_are_told_apart_by_a_third_subnet() -> None:
    x = images(6)
    graph = graph_of(shaped(16, 32), x)
    for halves in [(8, 16), (12, 8)]:
        assert graph.learn(graph_of(shaped(*halves), x))
    for widths in [(16, 32), (8, 24), (4, 8), (12, 32)]:
        require_same(graph, shaped(*widths), x)


class Factor(nn.Module):
    """Computes with a number that follows no size."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.out, self.factor = nn.Conv2d(3, 4, 1), factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(x * self.factor).mean((2, 3))  # type: ignore[no-any-return]


def test_nothing_is_learnt_from_a_number_that_follows_no_size() -> None:
    x, one, other = images(6), Factor(0.3).eval(), Factor(0.7).eval()
    graph = graph_of(one.requires_grad_(False), x)
    assert not graph.learn(graph_of(other.requires_grad_(False), x))
    require_same(graph, one, x)


def test_nothing_is_learnt_from_a_graph_that_is_wired_differently(graph: ElasticGraph) -> None:
    others = [network(8, stride=2), shaped(8, 16), Scaled(8).eval().requires_grad_(False)]
    graphs = [graph_of(other, images(8)) for other in others]
    for one, other in pairwise([graph, *graphs]):
        assert not one.learn(other)
    require_same(graph, network(4), images(8))


def test_an_average_in_channels_last_order_gathers_nothing() -> None:
    class Last(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.conv, self.out = nn.Conv2d(3, width, 1), nn.Linear(width, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.conv(x).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
            return self.out(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))  # type: ignore[no-any-return]

    x = images(6, num=1)
    last = Last(8).eval().requires_grad_(False)
    model = graph_of(last, x).filled(last, x).graph
    assert "Gather" not in {node.op_type for node in model.graph.node}
