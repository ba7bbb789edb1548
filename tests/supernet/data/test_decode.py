import io
import threading
import time
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image

from supernet.cores import Cores
from supernet.data.decode import (
    centre_square,
    centre_squares,
    num_workers,
    random_box,
    random_square,
    random_squares,
    stack_ahead,
)
from supernet.data.jpeg import Pixels
from supernet.data.sources import ImageSet, load_embedded, without

SHADES = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8))


def image_set(count: int = 6, image: Image.Image = SHADES, kind: str | None = None) -> ImageSet:
    """One image, turned by 0, 1, 2 ... degrees; as files of that kind, or not as files."""

    def content(index: int) -> bytes:
        file = io.BytesIO()
        image.rotate(index).save(file, kind)
        return file.getvalue()

    return ImageSet(
        name="shades",
        classes=("a", "b"),
        labels=torch.arange(count) % 2,
        names=[str(i) for i in range(count)],
        official={"train": range(count)},
        open=lambda index: Image.open(io.BytesIO(content(index))) if kind else image.rotate(index),
        content=content if kind else None,
    )


def test_the_centre_square_keeps_the_aspect_and_the_centre() -> None:
    square = centre_square(SHADES, 45)
    assert square.shape == (45, 45, 3)
    assert square.dtype == np.uint8
    plain = SHADES.crop((35, 0, 125, 90)).resize((45, 45), Image.Resampling.BILINEAR)
    # At its border the square also sees the pixels that were cut off, the plain version can't.
    np.testing.assert_array_equal(square[:, 1:-1], np.asarray(plain)[:, 1:-1])


def test_an_image_of_that_size_stays_as_it_is() -> None:
    small = SHADES.crop((0, 0, 32, 32))
    np.testing.assert_array_equal(centre_square(small, 32), np.asarray(small))


@pytest.mark.parametrize("kind", [None, "png", "jpeg"])
def test_random_squares_differ_by_seed_only(kind: str | None) -> None:
    images = image_set(kind=kind)
    first, again, other = (random_square(images, 0, 70, Random(seed)) for seed in (0, 0, 1))
    assert first.shape == (70, 70, 3)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("kind", [None, "png", "jpeg"])
def test_random_squares_show_every_part_of_the_image(kind: str | None) -> None:
    ramp = Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (200, 1))).convert("RGB")
    images = image_set(1, ramp, kind)
    squares = [random_square(images, 0, 70, Random(seed)) for seed in range(200)]
    left, right = (np.array([square[35, side, 0] for square in squares]) for side in (0, -1))
    assert left.min() < 10
    assert right.max() > 190
    assert 60 < (left > right).sum() < 140  # mirrored half of the time


def test_an_image_too_long_for_any_crop_gives_its_centre() -> None:
    line = SHADES.resize((3000, 2))
    square = random_square(image_set(1, line), 0, 70, Random(0))
    centre = centre_square(line, 70)
    assert np.array_equal(square, centre) or np.array_equal(square, centre[:, ::-1])


@pytest.mark.parametrize("resolution", [16, 72])
def test_centre_squares_come_in_order_as_channels_last(resolution: int) -> None:
    images = image_set()
    batches = list(centre_squares(images, [torch.tensor([3, 0]), torch.tensor([5])], resolution))
    assert [batch.shape[0] for batch in batches] == [2, 1]
    assert batches[0].is_contiguous(memory_format=torch.channels_last)
    expected = centre_square(images.read(3), resolution).transpose(2, 0, 1)
    np.testing.assert_array_equal(batches[0][0], expected)


def test_squares_in_memory_are_taken_as_they_would_be_decoded() -> None:
    images = without(load_embedded(), ["train[0]"])
    assert images.squares is not None
    for resolution in (28, 24):
        chosen = [torch.tensor([3, 11_000]), torch.tensor([0])]
        taken = list(centre_squares(images, chosen, resolution))
        decoded = list(centre_squares(replace(images, squares=None), chosen, resolution))
        for one, other in zip(taken, decoded, strict=True):
            assert torch.equal(one, other)
            assert one.is_contiguous(memory_format=torch.channels_last)


def test_boxes_lie_in_the_image_and_have_the_areas_and_ratios_of_the_paper() -> None:
    rng = Random(0)
    boxes = np.array([random_box(500, 375, rng) for _ in range(2000)])
    left, top, right, bottom = boxes.T
    assert (left.min(), top.min(), right.max(), bottom.max()) == (0, 0, 500, 375)
    areas = (right - left) * (bottom - top) / (500 * 375)
    ratios = (right - left) / (bottom - top)
    assert 0.079 < areas.min() < 0.09 < 0.95 < areas.max() <= 1
    assert 0.74 < ratios.min() < 0.76 < 1.31 < ratios.max() < 1.35


@pytest.mark.parametrize("num_threads", [1, 2, 7])
@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_the_number_of_threads_does_not_matter(
    num_threads: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def batches() -> torch.Tensor:
        rngs = [np.random.default_rng(seed) for seed in (7, 8, 9)]
        indices = [torch.tensor([0, 1, 2]), torch.tensor([3, 4, 5]), torch.tensor([5, 0, 1])]
        return torch.cat(list(random_squares(image_set(kind=kind), indices, rngs, 70)))

    expected = batches()
    monkeypatch.setattr("supernet.data.decode.num_workers", lambda: num_threads)
    assert torch.equal(batches(), expected)


def test_decoding_threads_start_no_others() -> None:
    """As torch does where it shares out a single copy, in each thread that asks it to."""
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        pytest.skip("only Linux lists a process's threads")
    images = image_set(6, SHADES.resize((900, 700)), "jpeg")
    rngs = [np.random.default_rng(seed) for seed in range(3)]
    num_threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        torch.zeros(2**20).add_(1)  # now this thread has its own
        num_before = len(list(tasks.iterdir()))
        for batch in random_squares(images, [torch.arange(6)] * 3, rngs, 224):
            num_tasks = len(list(tasks.iterdir()))
            assert batch.shape == (6, 3, 224, 224)
            assert num_tasks <= num_before + num_workers()
    finally:
        torch.set_num_threads(num_threads)


def test_random_squares_are_drawn_by_their_batchs_generator() -> None:
    def second_batch(batches: list[list[int]], seeds: list[int]) -> torch.Tensor:
        rngs = [np.random.default_rng(seed) for seed in seeds]
        return list(random_squares(image_set(), [torch.tensor(b) for b in batches], rngs, 70))[-1]

    assert torch.equal(second_batch([[0, 1], [2, 3]], [7, 8]), second_batch([[2, 3]], [8]))


def test_stack_ahead_keeps_the_order_whatever_finishes_first() -> None:
    def job(number: int) -> Pixels:
        time.sleep(0.01 * (number % 2 == 0))
        return np.full((1, 1, 3), number, np.uint8)

    jobs = [[lambda n=n: job(n) for n in (batch, batch + 1)] for batch in (0, 2, 4)]
    batches = [batch[:, 0, 0, 0].tolist() for batch in stack_ahead(jobs, 1)]
    assert batches == [[0, 1], [2, 3], [4, 5]]


def test_stack_ahead_hands_on_errors_and_leaves_no_thread() -> None:
    def fail() -> Pixels:
        raise KeyError("damaged")

    with pytest.raises(KeyError, match="damaged"):
        list(stack_ahead([[fail]], 1))
    abandoned = stack_ahead([[lambda: np.zeros((1, 1, 3), np.uint8)]] * 9, 1)
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
