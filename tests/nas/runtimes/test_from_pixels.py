import pytest
import torch
from torch import nn

from nas.errors import RuntimeUnavailableError
from nas.runtimes import load_runtime
from nas.runtimes.fold import fold_batch_norm
from nas.runtimes.from_pixels import FromPixels
from supernet.data.preprocess import normalise

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def pixels(num: int, side: int = 16) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (num, side, side, 3), generator=generator, dtype=torch.uint8)


def network() -> nn.Module:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(8)
    nn.init.normal_(norm.bias)
    layers = [nn.Conv2d(3, 8, 3, padding=1), norm, nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 5)).eval()


def test_it_normalises_as_training_does() -> None:
    plain, x = network(), pixels(3)
    expected = normalise(x.permute(0, 3, 1, 2), MEAN, STD)
    whole = FromPixels(plain, MEAN, STD)
    assert torch.equal(whole.normalised(x), expected)
    assert torch.equal(whole(x), plain(expected.contiguous()))


def test_few_digits_are_for_the_network_and_not_for_its_images() -> None:
    whole, x = FromPixels(network(), MEAN, STD), pixels(2)
    exact = whole.normalised(x)
    whole.compute_in(torch.bfloat16)
    assert torch.equal(whole.normalised(x), exact.bfloat16())


def test_batch_normalisation_behind_it_is_folded() -> None:
    whole, x = FromPixels(network(), MEAN, STD), pixels(2)
    folded = fold_batch_norm(whole, x)
    assert isinstance(folded, FromPixels)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    torch.testing.assert_close(folded(x), whole(x))
    shared = {tensor.data_ptr() for tensor in whole.state_dict().values() if tensor.numel()}
    assert not shared & {tensor.data_ptr() for tensor in folded.state_dict().values()}


@pytest.mark.parametrize(
    ("runtime", "dtype", "bound"),
    [
        ("eager", "float32", 1e-5),
        ("eager", "bfloat16", 0.02),
        ("onnxruntime", "float32", 1e-5),
        ("openvino", "float32", 1e-4),
        ("openvino", "bfloat16", 0.02),
        ("onnxruntime", "int8", 0.05),
        ("openvino", "int8", 0.05),
        pytest.param("inductor", "float32", 1e-5, marks=pytest.mark.slow),
        pytest.param(
            *("executorch", "float32", 1e-4),
            marks=[pytest.mark.slow, pytest.mark.filterwarnings("ignore")],
        ),
        pytest.param(
            *("litert", "float32", 1e-4),
            marks=[pytest.mark.slow, pytest.mark.filterwarnings("ignore")],
        ),
        pytest.param("cudagraph", "float16", 0.02, marks=pytest.mark.gpu),
        pytest.param("onnxruntime", "float32", 0.02, marks=pytest.mark.gpu, id="on a GPU"),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 2])
def test_every_runtime_takes_pixels(
    request: pytest.FixtureRequest, runtime: str, dtype: str, bound: float, batch_size: int
) -> None:
    device = "cuda" if request.node.get_closest_marker("gpu") else "cpu"
    try:
        loaded = load_runtime(runtime, device=device, num_threads=1, dtype=dtype)
    except RuntimeUnavailableError as error:
        pytest.skip(str(error))
    whole, x = FromPixels(network(), MEAN, STD), pixels(3)
    compiled = loaded.compile(whole, x[:batch_size], x)
    compiled.run()
    with torch.inference_mode():
        expected = whole(x)
    got = compiled.logits(x)
    assert float((got - expected).abs().max()) <= bound * float(expected.abs().max())
    memory = compiled.peak_memory_bytes()
    assert memory is None or memory > 0
