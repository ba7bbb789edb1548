import numpy as np
import onnx
import pytest
import torch
from torch import nn

from nas.runtimes.bias_correction import _mean_output, correct_biases
from nas.runtimes.onnx_graph import OnnxModel
from nas.runtimes.onnxruntime import OnnxNetwork, OnnxRuntime
from nas.runtimes.quantise import Quantisation, quantised


def images(num: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(num, 3, 12, 12, generator=torch.Generator().manual_seed(seed))


def network() -> nn.Module:
    """Depthwise layers of 9 weights each, whose roundings don't cancel."""
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 1), nn.ReLU()]
    for _ in range(2):
        layers += [nn.Conv2d(16, 16, 3, groups=16), nn.ReLU(), nn.Conv2d(16, 16, 1), nn.ReLU()]
    layers += [nn.Conv2d(16, 16, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    return nn.Sequential(*layers, nn.Linear(16, 8)).eval()


@pytest.fixture(scope="module")
def model() -> OnnxModel:
    return OnnxRuntime("cpu", 1).compile(network(), images(2)).model


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_the_mean_output_is_that_of_an_image_of_one_colour(groups: int) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(8, 24, 3, groups=groups, bias=False)
    colour = torch.rand(8)
    with torch.inference_mode():
        expected = layer(colour.view(1, -1, 1, 1).expand(1, 8, 3, 3)).flatten().numpy()
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], group=groups)
    got = _mean_output(layer.weight.detach().numpy(), colour.numpy(), node)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_the_mean_of_the_answers_is_nearer_to_that_of_the_float_network(model: OnnxModel) -> None:
    calibration, x = images(50), images(60, seed=1)
    with torch.inference_mode():
        expected = network()(x)

    def mean_error(corrects_biases: bool) -> float:
        way = Quantisation(corrects_biases=corrects_biases)
        found = quantised(model, calibration, way)
        got = OnnxNetwork(found, x[:2], "cpu", 1).logits(x)
        return float((got - expected).mean(0).abs().mean())

    assert mean_error(True) < 0.75 * mean_error(False)


def test_only_biases_of_quantised_convolutions_change(model: OnnxModel) -> None:
    calibration = images(10)
    before, after = (
        quantised(model, calibration, Quantisation(corrects_biases=corrects)).graph
        for corrects in (False, True)
    )
    assert before.graph.node == after.graph.node
    values = [
        {item.name: onnx.numpy_helper.to_array(item) for item in each.graph.initializer}
        for each in (before, after)
    ]
    changed = {name for name, value in values[0].items() if (value != values[1][name]).any()}
    # Not of the first convolution, which is in float, nor of the last, which has none.
    assert changed == {f"{index}.bias_quantized" for index in (2, 4, 6, 8)}
    assert all(values[1][name].dtype == np.int32 for name in changed)


def test_a_bias_that_two_layers_read_stays(model: OnnxModel) -> None:
    found = quantised(model, images(10), Quantisation(corrects_biases=False)).graph
    convolutions = [node for node in found.graph.node if node.op_type == "Conv"]
    convolutions[2].input[2] = convolutions[1].input[2]
    expected = onnx.ModelProto()
    expected.CopyFrom(found)
    correct_biases(found, model, images(10))
    shared = next(node for node in found.graph.node if node.output[0] == convolutions[1].input[2])
    for name in shared.input:
        one, other = (
            next(item for item in each.graph.initializer if item.name == name)
            for each in (found, expected)
        )
        assert one == other
