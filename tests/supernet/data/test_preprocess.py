import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from supernet.data.preprocess import channel_statistics, normalise, resize, shift_and_flip


def random_images(side: int = 28, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (6, side, side, 3), dtype=torch.uint8, generator=generator)
    return images.permute(0, 3, 1, 2)


@pytest.mark.parametrize("resolution", [14, 20, 40])
@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_resize_is_antialiased_bilinear(
    resolution: int, memory_format: torch.memory_format
) -> None:
    images = random_images().contiguous(memory_format=memory_format)
    resized = resize(images, resolution)
    assert resized.dtype == torch.uint8
    assert resized.is_contiguous(memory_format=torch.channels_last)
    size = (resolution, resolution)
    exact = interpolate(images.double(), size, mode="bilinear", antialias=True)
    assert (resized - exact).abs().max() < 1.1  # rounded, with weights in fixed point


def test_resize_leaves_images_of_that_size_alone() -> None:
    images = random_images()
    assert resize(images, 28).data_ptr() == images.data_ptr()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_resizes_to_within_one_level_of_the_cpu() -> None:
    images = random_images()
    there, here = resize(images.cuda(), 20).cpu(), resize(images, 20)
    assert (there.int() - here.int()).abs().max() <= 1


def test_normalise_is_the_formula() -> None:
    images, mean, std = random_images(), (0.2, 0.3, 0.4), (0.5, 0.6, 0.7)
    expected = (images.numpy() / 255 - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    result = normalise(images, mean, std)
    assert result.dtype == torch.float32
    assert result.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(result.numpy(), expected, rtol=0, atol=1e-5)


def test_statistics_are_numpys_whatever_the_batches() -> None:
    images = random_images()
    mean, std = channel_statistics([images])
    np.testing.assert_allclose(mean, images.numpy().mean((0, 2, 3)) / 255, atol=1e-4)
    np.testing.assert_allclose(std, images.numpy().std((0, 2, 3)) / 255, atol=1e-4)
    assert (mean, std) == channel_statistics(torch.split(images, 4))


def test_black_images_can_be_normalised() -> None:
    black = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    mean, std = channel_statistics([black])
    assert torch.equal(normalise(black, mean, std), torch.zeros(2, 3, 4, 4))


def one_at_a_time(images: Tensor, max_shift: int, rng: np.random.Generator) -> Tensor:
    """Pad, crop and mirror each image by itself: the plain version of shift_and_flip."""
    count, _, height, width = images.shape
    down, right = rng.integers(2 * max_shift + 1, size=(2, count))
    mirrored = rng.integers(2, size=count)
    padded = torch.nn.functional.pad(images, 4 * (max_shift,))
    shifted = [
        padded[i, :, down[i] : down[i] + height, right[i] : right[i] + width] for i in range(count)
    ]
    return torch.stack(
        [
            image.flip(2) if mirror else image
            for image, mirror in zip(shifted, mirrored, strict=True)
        ]
    )


@pytest.mark.parametrize("max_shift", [0, 2, 4])
def test_shift_and_flip_equals_one_image_at_a_time(max_shift: int) -> None:
    images = random_images()
    result = shift_and_flip(images, max_shift, np.random.default_rng(5))
    assert torch.equal(result, one_at_a_time(images, max_shift, np.random.default_rng(5)))
    assert result.is_contiguous(memory_format=torch.channels_last)


def test_every_shift_and_both_orientations_occur() -> None:
    spot = torch.zeros(2000, 1, 5, 5, dtype=torch.uint8)
    spot[:, :, 2, 1] = 1  # off centre, so that mirrored and not differ
    result = shift_and_flip(spot, 1, np.random.default_rng(0))
    places = {tuple(place) for place in result[:, 0].nonzero()[:, 1:].tolist()}
    assert places == {(row, column) for row in (1, 2, 3) for column in (0, 1, 2, 3, 4)}
