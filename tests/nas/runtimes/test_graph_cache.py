"""Every network that comes out of the cache is run against PyTorch."""

from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models

import nas.runtimes.graph_cache
from nas.errors import ExportError
from nas.runtimes.fold import fold_batch_norm
from nas.runtimes.from_pixels import FromPixels
from nas.runtimes.graph_cache import GraphCache
from nas.runtimes.onnx_graph import OnnxModel, export_graph
from nas.runtimes.onnxruntime import OnnxNetwork
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.models.mobilenet_v1 import MobileNetV1
from supernet.models.wide_resnet import WideResNet


def images(resolution: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, 3, resolution, resolution, generator=generator)


def pixels(resolution: int) -> torch.Tensor:
    return images(resolution).mul(50).add(128).clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous()


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> list[nn.Module]:
    """The networks for which the slow export ran."""
    exported = []

    def counted(network: nn.Module, x: torch.Tensor) -> Any:
        exported.append(network)
        return export_graph(network, x)

    monkeypatch.setattr(nas.runtimes.graph_cache, "export_graph", counted)
    return exported


def compiled(cache: GraphCache, network: nn.Module, x: torch.Tensor) -> OnnxNetwork:
    network = fold_batch_norm(network, x)
    result = cache.compile(network, x, lambda model: OnnxNetwork(model, x, "cpu", 2))
    with torch.inference_mode():
        expected = network(x)
    bound = 1e-4 * float(expected.abs().max())
    torch.testing.assert_close(result.logits(x), expected, rtol=0, atol=bound)
    return result


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(models.mobilenet_v2(), marks=pytest.mark.slow),
        pytest.param(MobileNetV1(), marks=pytest.mark.slow),
        models.ResNet(models.resnet.Bottleneck, [1, 1, 1, 1]),
        WideResNet(depth=10, widen=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_one_export_serves_all_widths_and_resolutions(
    model: nn.Module, exports: list[nn.Module]
) -> None:
    space = SearchSpace(resolutions=(64, 48, 32))
    supernet = Supernet(model, images(64), space)
    cache = GraphCache()
    for width, resolution in [(1.0, 64), (0.5, 64), (0.25, 32), (0.75, 48)]:
        config = SubnetConfig(width_mults=(width,), resolution=resolution)
        network = FromPixels(supernet.extract(config), (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
        found = compiled(cache, network, pixels(resolution))
        operators = {node.op_type for node in found.model.graph.graph.node}
        assert "Gather" not in operators, "pixels in channels-last order make the pooling gather"
    assert len(exports) == 1


def test_a_network_wired_differently_is_never_given_a_known_graph(
    exports: list[nn.Module],
) -> None:
    cache = GraphCache()
    for width in (1.0, 0.25):  # at 0.25 torchvision adds a shortcut: 8 channels in, 8 out
        compiled(cache, models.mobilenet_v2(width_mult=width), images(32))
    assert len(exports) == 2


class Flattening(nn.Module):
    """The classifier sees H x W features, so it holds for one resolution only."""

    def __init__(self, width: int, resolution: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.classifier = nn.Linear(width * resolution**2, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.conv(x).relu().flatten(1))  # type: ignore[no-any-return]


def test_features_of_more_than_one_pixel_are_flattened(exports: list[nn.Module]) -> None:
    cache = GraphCache()
    for width, resolution in [(8, 8), (4, 8), (4, 6)]:
        compiled(cache, Flattening(width, resolution), images(resolution))
    assert len(exports) == 1


def pooled(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, width, 1), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 5)
    )


def test_a_graph_that_fits_one_resolution_only_is_exported_for_each(
    exports: list[nn.Module],
) -> None:
    cache = GraphCache()  # the exporter fixes the windows of a 2 x 2 pool
    for width, resolution in [(8, 8), (8, 16), (4, 8), (4, 16), (6, 8)]:
        compiled(cache, pooled(width), images(resolution))
    assert len(exports) == 2


class Attention(nn.Module):
    """Reshapes to its own number of channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed, self.mix = nn.Conv2d(3, width, 2, stride=2), nn.Linear(width, width)
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        num, channels, height, width = x.shape
        x = self.mix(x.flatten(2).transpose(1, 2))
        x = x.transpose(1, 2).reshape(num, channels, height, width)
        return self.out(self.norm(x.mean((2, 3))))  # type: ignore[no-any-return]


def test_two_exports_serve_a_network_that_names_its_sizes(exports: list[nn.Module]) -> None:
    cache = GraphCache()
    for width in (16, 8, 12, 4):
        compiled(cache, Attention(width), images(8))
    assert len(exports) == 2


def test_another_architecture_is_never_given_a_known_graph(exports: list[nn.Module]) -> None:
    cache = GraphCache()
    for stride in (1, 2):
        network = nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=stride),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 2),
        )
        compiled(cache, network, images(8))
    assert len(exports) == 2


class Scale(nn.Module):
    """Computes with a number that is no parameter, so that siblings differ beyond their weights."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.linear, self.factor = nn.Linear(12, 3), factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.flatten(1)) * self.factor  # type: ignore[no-any-return]


def test_a_graph_that_computes_something_else_is_not_used(exports: list[nn.Module]) -> None:
    cache = GraphCache()
    for factor in (1.0, 2.0):
        compiled(cache, Scale(factor), images(2))
    assert len(exports) == 2


class Wrong:
    """A runtime's mistake: it computes one and a half times what it should."""

    def __init__(self, model: OnnxModel, x: torch.Tensor) -> None:
        self.correct = OnnxNetwork(model, x, "cpu", 2)

    def run(self) -> None:
        self.correct.run()

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        return 1.5 * self.correct.logits(x)

    def peak_memory_bytes(self) -> None:
        return None


def test_a_runtime_that_computes_something_else_is_an_error() -> None:
    network = Scale(1.0).eval().requires_grad_(False)
    with pytest.raises(ExportError, match=r"match the original's to 0.0001, but differ by 0.5"):
        GraphCache().compile(network, images(2), lambda model: Wrong(model, images(2)))


def cancelling(x: torch.Tensor) -> nn.Module:
    """A network whose logits on `x` are small differences of large sums, which magnify rounding."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        body = nn.Sequential(nn.Conv2d(3, 256, 3), nn.ReLU(), nn.AvgPool2d(10), nn.Flatten())
        head = nn.Linear(256, 5, bias=False)
    with torch.no_grad():
        features = body(x)[0].double()
        weight = head.weight.double()
        share = (weight @ features / features.square().sum())[:, None]
        head.weight.copy_(weight - share * (1 - 1e-4) * features)
    return nn.Sequential(*body, head).eval().requires_grad_(False)


def test_rounding_that_the_network_itself_magnifies_is_no_error() -> None:
    """Seen on a pretrained network that was fine-tuned to logits near 0."""
    x = images(12)
    network = cancelling(x)
    with torch.inference_mode():
        expected = network(x)
    got = GraphCache().compile(network, x, lambda model: OnnxNetwork(model, x, "cpu", 1)).logits(x)
    difference = float((got - expected).abs().max() / expected.abs().max())
    assert 1e-4 < difference < 0.1
    with pytest.raises(ExportError, match=r"match the original's to 0.0001, but differ by 0.5"):
        GraphCache().compile(network, x, lambda model: Wrong(model, x))
