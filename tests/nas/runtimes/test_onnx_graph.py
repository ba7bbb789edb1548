import numpy as np
import onnx
import onnx.reference
import pytest
import torch
from torch import nn
from torchvision import models

from nas.runtimes.onnx_graph import architecture, export_graph, export_model


def network(width: int, *, stride: int = 1, classes: int = 4) -> nn.Module:
    """Convolution, depthwise convolution, flatten of more than one pixel, linear."""
    layers = nn.Sequential(
        nn.Conv2d(3, width, 3, stride=2, padding=1),
        nn.ReLU6(),
        nn.Conv2d(width, width, 3, stride=stride, padding=1, groups=width),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * width, classes),
    )
    return layers.eval().requires_grad_(False)


def images(resolution: int, num: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(num, 3, resolution, resolution, generator=generator)


def logits(model: onnx.ModelProto, x: torch.Tensor) -> np.ndarray:
    """By onnx's own reference implementation: no runtime involved."""
    session = onnx.reference.ReferenceEvaluator(model)
    (output,) = session.run(None, {"images": x.numpy()})
    return np.asarray(output)


@pytest.fixture(scope="module")
def graph() -> onnx.ModelProto:
    return export_graph(network(8), images(8))


def test_a_graph_tells_nothing_of_the_machine_it_was_made_on(graph: onnx.ModelProto) -> None:
    text = str(graph)
    assert "site-packages" not in text
    assert "metadata_props" not in text


def test_input_and_output_have_names_a_reader_expects(graph: onnx.ModelProto) -> None:
    assert [x.name for x in graph.graph.input] == ["images"]
    assert [x.name for x in graph.graph.output] == ["logits"]


def test_a_network_exported_alone_has_its_weights_inside() -> None:
    alone, x = network(8), images(8)
    model = export_model(alone, x)
    assert model.weights == {}
    np.testing.assert_allclose(logits(model.self_contained(), x), alone(x), rtol=1e-4, atol=1e-5)


def test_widths_make_no_other_architecture_but_strides_and_layers_do() -> None:
    assert architecture(network(8)) == architecture(network(24))
    assert architecture(models.mobilenet_v2(width_mult=0.5)) == architecture(models.mobilenet_v2())
    assert architecture(network(8)) != architecture(network(8, stride=2))
    assert architecture(models.resnet18()) != architecture(models.resnet34())
