import threading
import time

import numpy as np
import pytest
import torch
from PIL import Image

from supernet.cores import Cores
from supernet.data.decode import (
    centre_square,
    centre_squares,
    num_workers,
    random_square,
    random_squares,
    stack_ahead,
)
from supernet.data.sources import ImageSet

SHADES = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8))


def image_set(count: int = 6) -> ImageSet:
    return ImageSet(
        name="shades",
        classes=("a", "b"),
        labels=torch.arange(count) % 2,
        names=[str(i) for i in range(count)],
        official={"train": range(count)},
        open=lambda index: SHADES.rotate(index),
    )


def test_the_centre_square_keeps_the_aspect_and_the_centre() -> None:
    square = centre_square(SHADES, 45)
    assert (square.shape, square.dtype) == ((45, 45, 3), torch.uint8)
    plain = SHADES.crop((35, 0, 125, 90)).resize((45, 45), Image.Resampling.BILINEAR)
    # At its border the square also sees the pixels that were cut off, the plain version can't.
    np.testing.assert_array_equal(square.numpy()[:, 1:-1], np.asarray(plain)[:, 1:-1])


def test_an_image_of_that_size_stays_as_it_is() -> None:
    small = SHADES.crop((0, 0, 32, 32))
    np.testing.assert_array_equal(centre_square(small, 32).numpy(), np.asarray(small))


def test_random_squares_differ_by_seed_only() -> None:
    first, again, other = (
        random_square(SHADES, 70, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert first.shape == (70, 70, 3)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_random_squares_show_every_part_of_the_image() -> None:
    ramp = Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (200, 1))).convert("RGB")
    squares = [random_square(ramp, 70, np.random.default_rng(seed)) for seed in range(200)]
    left = torch.stack([square[35, 0, 0] for square in squares])
    right = torch.stack([square[35, -1, 0] for square in squares])
    assert left.min() < 10
    assert right.max() > 190
    assert 60 < (left > right).sum() < 140  # mirrored half of the time


def test_an_image_too_long_for_any_crop_gives_its_centre() -> None:
    line = SHADES.resize((3000, 2))
    square = random_square(line, 70, np.random.default_rng(0))
    centre = centre_square(line, 70)
    assert torch.equal(square, centre) or torch.equal(square, centre.flip(1))


@pytest.mark.parametrize("resolution", [16, 72])
def test_centre_squares_come_in_order_as_channels_last(resolution: int) -> None:
    images = image_set()
    batches = list(centre_squares(images, [torch.tensor([3, 0]), torch.tensor([5])], resolution))
    assert [batch.shape[0] for batch in batches] == [2, 1]
    assert batches[0].is_contiguous(memory_format=torch.channels_last)
    expected = centre_square(images.read(3), resolution).permute(2, 0, 1)
    assert torch.equal(batches[0][0], expected)


def test_random_squares_are_drawn_by_their_batchs_generator() -> None:
    def second_batch(batches: list[list[int]], seeds: list[int]) -> torch.Tensor:
        rngs = [np.random.default_rng(seed) for seed in seeds]
        return list(random_squares(image_set(), [torch.tensor(b) for b in batches], rngs, 70))[-1]

    assert torch.equal(second_batch([[0, 1], [2, 3]], [7, 8]), second_batch([[2, 3]], [8]))


def test_stack_ahead_keeps_the_order_whatever_finishes_first() -> None:
    def job(number: int) -> torch.Tensor:
        time.sleep(0.01 * (number % 2 == 0))
        return torch.tensor(number)

    jobs = [[lambda n=n: job(n) for n in (batch, batch + 1)] for batch in (0, 2, 4)]
    assert [batch.tolist() for batch in stack_ahead(jobs)] == [[0, 1], [2, 3], [4, 5]]


def test_stack_ahead_hands_on_errors_and_leaves_no_thread() -> None:
    def fail() -> torch.Tensor:
        raise KeyError("damaged")

    with pytest.raises(KeyError, match="damaged"):
        list(stack_ahead([[fail]]))
    abandoned = stack_ahead([[lambda: torch.tensor(1)]] * 9)
    next(abandoned)
    abandoned.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


@pytest.mark.parametrize(
    ("quota", "processes", "expected"), [(None, 1, 16), (6.0, 1, 6), (6.0, 4, 1), (0.5, 8, 1)]
)
def test_decoding_threads_follow_affinity_quota_and_the_processes_beside(
    quota: float | None, processes: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cores = Cores(frozenset(range(16)), quota)
    monkeypatch.setattr("supernet.data.decode.usable_cores", lambda: cores)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    assert num_workers() == expected
