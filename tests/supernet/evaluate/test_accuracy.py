import math
from collections import Counter

import pytest
import torch
from torch import Tensor, nn

from supernet import SearchSpace, SubnetConfig, Supernet, load_data
from supernet.data.preprocess import normalise, resize
from supernet.errors import DataError
from supernet.evaluate.accuracy import (
    Accuracy,
    Images,
    accuracy,
    calibrated_subnet,
    predictions,
    selection_top1,
)
from supernet.evaluate.calibration import calibrate_bn
from supernet.models import WideResNet

CPU = torch.device("cpu")


def test_top1_counts_correct_predictions() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.0], [3.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    batches = [(logits[:2], torch.tensor([1, 1])), (logits[2:], torch.tensor([2]))]
    assert accuracy(lambda x: x, batches) == Accuracy(num_images=3, num_correct=2)


def test_the_interval_is_wilsons() -> None:
    """Its ends are the shares from which the estimate is 1.96 standard deviations away."""
    measured = Accuracy(num_images=2000, num_correct=1700)
    low, high = measured.interval
    for end in (low, high):
        deviation = math.sqrt(end * (1 - end) / 2000)
        assert abs(measured.top1 - end) == pytest.approx(1.959964 * deviation, rel=1e-9)
    assert low < 0.85 < high


@pytest.mark.parametrize("num_correct", [0, 1, 9, 10])
def test_the_interval_stays_within_0_and_1_and_holds_the_estimate(num_correct: int) -> None:
    measured = Accuracy(num_images=10, num_correct=num_correct)
    low, high = measured.interval
    assert 0 <= low <= measured.top1 <= high <= 1


def test_the_interval_covers_the_truth_19_times_in_20() -> None:
    n, p, covered = 200, 0.85, 0.0
    for k in range(n + 1):
        low, high = Accuracy(num_images=n, num_correct=k).interval
        if low <= p <= high:
            covered += math.comb(n, k) * p**k * (1 - p) ** (n - k)
    assert covered == pytest.approx(0.95, abs=0.02)


def test_no_images_is_an_error() -> None:
    with pytest.raises(DataError, match="at least one image"):
        accuracy(lambda x: x, [])


def test_images_are_decoded_and_resized_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load_data("fashion-mnist-mini", resolution=12)
    images = Images(data, CPU)
    reads: Counter[str] = Counter()
    batches = data.batches

    def counting(split: str, *, batch_size: int) -> object:
        reads[split] += 1
        return batches(split, batch_size=batch_size)

    monkeypatch.setattr(data, "batches", counting)
    first = list(images.batches("selection", 8))
    second = list(images.batches("selection", 8))
    assert reads["selection"] == 1
    assert sum(len(labels) for _, labels in first) == 5000
    for (one, _), (other, _) in zip(first, second, strict=True):
        assert torch.equal(one, other)
    raw, _ = next(batches("selection", batch_size=500))
    assert torch.equal(first[0][0], normalise(resize(raw, 8), data.mean, data.std))


def test_old_resolutions_are_forgotten_above_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supernet.evaluate.accuracy.MAX_CACHE_BYTES", 5000 * 3 * 12 * 12)
    images = Images(load_data("fashion-mnist-mini", resolution=12), CPU)
    for resolution in (8, 12, 10):
        list(images.batches("selection", resolution))
    assert set(images._kept) == {("selection", 10)}


def test_a_calibrated_subnet_has_the_statistics_of_its_own_resolution() -> None:
    supernet = make_supernet()
    images = Images(load_data("fashion-mnist-mini", resolution=12), CPU)
    config = SubnetConfig(width_mults=(0.5,), resolution=8)
    network = calibrated_subnet(supernet, config, images)
    assert not network.training
    seen: list[Tensor] = []
    norm = network.get_submodule("blocks.0.norm1")
    norm.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    for x, _ in images.batches("calibration", 8):
        network(x)
    mean = torch.cat(seen).double().mean(dim=(0, 2, 3))
    torch.testing.assert_close(norm.get_buffer("running_mean").double(), mean, rtol=1e-4, atol=1e-5)


def test_a_subnet_is_calibrated_with_as_many_batches_as_asked() -> None:
    supernet, config = make_supernet(), SubnetConfig(width_mults=(0.5,), resolution=8)
    images = Images(load_data("fashion-mnist-mini", resolution=12), CPU)
    expected = supernet.extract(config)
    calibrate_bn(expected, [next(images.batches("calibration", 8))[0]])
    found = calibrated_subnet(supernet, config, images, max_batches=1)
    for name, buffer in expected.named_buffers():
        torch.testing.assert_close(found.get_buffer(name), buffer)


def make_supernet() -> Supernet:
    torch.manual_seed(0)
    space = SearchSpace(resolutions=(12, 8))
    return Supernet(WideResNet(10, depth=10, widen=1), torch.empty(1, 3, 12, 12), space)


def test_the_top1_of_configs_is_that_of_their_calibrated_subnets() -> None:
    supernet = make_supernet()
    images = Images(load_data("fashion-mnist-mini", resolution=12), CPU)
    config = supernet.space.smallest
    scores = selection_top1(supernet, [config], images)
    network = calibrated_subnet(supernet, config, images)
    assert scores == {config.config_id: accuracy(network, images.batches("selection", 8))}


def test_a_network_is_calibrated_where_one_image_is_left_over() -> None:
    """2,000 calibration images: 1,999 and one; the last map is 1 x 1, of which BN has no variance
    where the batch is one image."""
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3), nn.Flatten())
    images = Images(load_data("fashion-mnist-mini", resolution=12), CPU, batch_size=1999)
    calibrate_bn(network, (x for x, _ in images.batches("calibration", 12)))
    assert network[1].get_buffer("running_var").min() > 0


@pytest.mark.parametrize("batch_size", [300, 4999])
def test_chosen_images_are_those_of_the_batches(batch_size: int) -> None:
    images = Images(load_data("fashion-mnist-mini", resolution=12), CPU, batch_size=batch_size)
    pixels, labels = (torch.cat(each) for each in zip(*images.batches("selection", 8), strict=True))
    indices = [4999, 3, 3, 299, 300, 1000] * 60  # more than a batch
    chosen = list(images.chosen("selection", 8, indices))
    assert [len(some) for _, some in chosen] == ([300, 60] if batch_size == 300 else [360])
    assert torch.equal(torch.cat([each for each, _ in chosen]), pixels[indices])
    assert torch.equal(torch.cat([some for _, some in chosen]), labels[indices])
    assert chosen[0][0].is_contiguous(memory_format=torch.channels_last)
    raw = torch.cat([each for each, _ in images.pixels("selection", 8)])
    chosen = list(images.chosen_pixels("selection", 8, indices))
    assert torch.equal(torch.cat([each for each, _ in chosen]), raw[indices])
    assert torch.equal(torch.cat([some for _, some in chosen]), labels[indices])


def test_the_pixels_are_what_is_normalised() -> None:
    images = Images(load_data("fashion-mnist-mini", resolution=12), CPU, batch_size=700)
    num_images = 0
    for (pixels, labels), (ready, same) in zip(
        images.pixels("report", 8), images.batches("report", 8), strict=True
    ):
        assert (pixels.shape[1:], pixels.dtype) == ((8, 8, 3), torch.uint8)
        assert pixels.is_contiguous()
        expected = normalise(pixels.permute(0, 3, 1, 2), images.data.mean, images.data.std)
        assert torch.equal(expected, ready)
        assert torch.equal(labels, same)
        num_images += len(labels)
    assert num_images == 5000


@pytest.mark.parametrize(("side", "sizes"), [(16, [20]), (128, [12, 8]), (300, [8, 8, 4])])
def test_a_cpu_scores_as_many_images_at_a_time_as_fit_its_caches(
    side: int, sizes: list[int]
) -> None:
    images = torch.randn(20, 3, side, side)
    seen: list[int] = []

    def logits(part: Tensor) -> Tensor:
        seen.append(len(part))
        return part.mean(dim=(2, 3))

    assert torch.equal(predictions(logits, images), images.mean(dim=(2, 3)).argmax(dim=1))
    assert seen == sizes
