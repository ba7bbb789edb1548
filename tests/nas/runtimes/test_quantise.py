import io
import logging

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from nas.errors import ExportError, NasError
from nas.runtimes.from_pixels import FromPixels
from nas.runtimes.onnx_graph import OnnxModel
from nas.runtimes.onnxruntime import OnnxNetwork, OnnxRuntime
from nas.runtimes.quantise import Quantisation, details_of, ends, quantised
from supernet.models import WideResNet


def pixels(num: int, seed: int = 0) -> torch.Tensor:
    """Smooth images, as photos are: 4 x 4 blocks of one colour."""
    generator = torch.Generator().manual_seed(seed)
    blocks = torch.randint(0, 256, (num, 4, 4, 3), generator=generator, dtype=torch.uint8)
    return blocks.repeat_interleave(4, 1).repeat_interleave(4, 2)


def network(widen: int = 1) -> FromPixels:
    torch.manual_seed(0)
    plain = WideResNet(10, depth=10, widen=widen)
    whole = FromPixels(plain, (0.5,) * 3, (0.25,) * 3).train()
    with torch.no_grad():
        whole(pixels(64, seed=1))  # statistics that matter
    return whole.eval()


@pytest.fixture(scope="module")
def model() -> OnnxModel:
    return OnnxRuntime("cpu", 1).compile(network(), pixels(1)).model


def int8_weights(model: OnnxModel) -> dict[str, NDArray[np.int8]]:
    items = model.graph.graph.initializer
    return {
        item.name: onnx.numpy_helper.to_array(item)
        for item in items
        if item.data_type == onnx.TensorProto.INT8 and len(item.dims) > 1
    }


def test_it_takes_pixels_and_computes_nearly_the_same(model: OnnxModel) -> None:
    found, x = quantised(model, pixels(50, seed=2)), pixels(40)
    got = OnnxNetwork(found, x[:1], "cpu", 1).logits(x)
    with torch.inference_mode():
        expected = network()(x)
    assert found.graph.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    error = float((got - expected).abs().max() / expected.abs().max())
    assert 1e-4 < error < 0.1


def test_weights_have_seven_bits_and_a_scale_for_each_channel(model: OnnxModel) -> None:
    found = quantised(model, pixels(20))
    weights = int8_weights(found)
    assert len(weights) == 8  # the convolutions of three blocks
    for weight in weights.values():
        assert np.abs(weight.astype(int)).reshape(len(weight), -1).max(axis=1).tolist() == [
            64
        ] * len(weight)


def test_the_first_and_the_last_layer_stay_in_float(model: OnnxModel) -> None:
    """Whatever lies before and behind them: the normalisation, pooling, reshaping."""
    named = {node.name: node for node in model.graph.graph.node}
    first, last = sorted(ends(model.graph.graph), key=list(named).index)
    assert [named[first].op_type, named[last].op_type] == ["Conv", "Gemm"]
    assert named[first].input[1] == "network.stem.0.weight"
    found = {node.name: node for node in quantised(model, pixels(8)).graph.graph.node}
    for name in (first, last):
        assert found[name].input[1] == named[name].input[1]
    every = quantised(model, pixels(8), Quantisation(ends_in_float=False))
    assert len(int8_weights(every)) == 10


def test_two_stems_that_are_added_are_both_first() -> None:
    def node(kind: str, inputs: str, output: str) -> onnx.NodeProto:
        return onnx.helper.make_node(kind, inputs.split(), [output], name=output)

    nodes = [
        node("Relu", "x", "a"),
        node("Conv", "a w1", "b"),
        node("Conv", "x w2", "c"),
        node("Add", "b c", "d"),
        node("Conv", "d w3", "e"),
        node("Gemm", "e w4", "f"),
        node("Softmax", "f", "y"),
    ]
    of = onnx.helper.make_tensor_value_info
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(nodes, "g", [of("x", kind, [1])], [of("y", kind, [1])])
    assert ends(graph) == {"b", "c", "f"}


def test_what_one_network_gives_is_the_same_each_time(model: OnnxModel) -> None:
    one, two = (quantised(model, pixels(20)).graph.SerializeToString() for _ in range(2))
    assert one == two


def test_a_subnet_from_the_cache_is_quantised_as_one_that_is_exported_alone() -> None:
    runtime, x = OnnxRuntime("cpu", 1, "int8"), pixels(200)
    runtime.compile(network(2), x[:1], pixels(20))  # another subnet exports the graph
    searched = runtime.compile(network(), x[:1], pixels(20))
    alone = OnnxRuntime("cpu", 1, "int8").compile(network(), x[:1], pixels(20))
    assert torch.equal(searched.logits(x), alone.logits(x))


def test_images_are_needed(model: OnnxModel) -> None:
    for images in (None, pixels(0)):
        with pytest.raises(NasError, match="int8 needs images to calibrate with, but got none"):
            quantised(model, images)


def test_what_the_library_cannot_quantise_is_one_clear_line(
    model: OnnxModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("no parameters\nfor param x")

    monkeypatch.setattr("nas.runtimes.quantise.QDQQuantizer.quantize_model", fail)
    with pytest.raises(ExportError, match=r"can quantise, but got: no parameters for param x; use"):
        quantised(model, pixels(2))


@pytest.mark.parametrize("ranges", ["min_max", "percentile", "entropy"])
def test_nothing_is_said(model: OnnxModel, ranges: str, capfd: pytest.CaptureFixture[str]) -> None:
    records = io.StringIO()
    handler = logging.StreamHandler(records)
    logging.getLogger().addHandler(handler)
    try:
        quantised(model, pixels(10), Quantisation(ranges=ranges))
    finally:
        logging.getLogger().removeHandler(handler)
    assert (*capfd.readouterr(), records.getvalue()) == ("", "", "")


def test_only_int8_says_how_it_is_quantised() -> None:
    assert details_of("float32") == {}
    assert "int8 weights" in details_of("int8")["quantisation"]
    assert len(details_of("int8")["quantisation"]) < 500
