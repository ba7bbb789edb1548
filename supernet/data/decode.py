"""Decoding: square uint8 batches from any source, by threads, in order."""

import math
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from random import Random

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from supernet.cores import usable_cores
from supernet.data.jpeg import BILINEAR, PIXEL, Box, Pixels
from supernet.data.sources import ImageSet

# Up to this side, training images are shifted; above it, randomly cropped (Data.train_batches).
MAX_SMALL_RESOLUTION = 64
AREA = (0.08, 1.0)
LOG_ASPECT = math.log(4 / 3)
Job = Callable[[], Pixels]


def centre_square(image: Image.Image, resolution: int) -> Pixels:
    """Resize the shorter side to `resolution`, crop the centre: uint8 [H, W, 3]."""
    return np.asarray(ImageOps.fit(image, (resolution, resolution), BILINEAR))


def random_box(width: int, height: int, rng: Random) -> Box:
    """A part of an image of that size, 8 % to 100 % of its area, at an aspect ratio of 3/4 to 4/3.

    Uniform in the area and in the logarithm of the ratio (Szegedy et al. 2015, section 6). One that
    does not fit into the image is redrawn; after ten attempts the centre square is taken.
    """
    for _ in range(10):
        area = width * height * rng.uniform(*AREA)
        aspect = math.exp(rng.uniform(-LOG_ASPECT, LOG_ASPECT))
        across, down = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < across <= width and 0 < down <= height:
            left, top = rng.randint(0, width - across), rng.randint(0, height - down)
            return left, top, left + across, top + down
    side = min(width, height)
    beside, above = (width - side) / 2, (height - side) / 2
    return beside, above, beside + side, above + side


def random_square(
    images: ImageSet, index: int, resolution: int, rng: Random, colour_jitter: float = 0.0
) -> Pixels:
    """`random_box` of an image, resized, flipped half of the time: uint8 [H, W, 3].

    With colour jitter, brightness, contrast and saturation are multiplied by up to
    1 +- `colour_jitter`, in this order.
    """
    mirrored = rng.random() < 0.5
    square = images.square(index, partial(random_box, rng=rng), resolution)
    if colour_jitter:
        from torchvision.transforms.v2 import functional as v2  # takes seconds to import

        image = Image.fromarray(square)
        for adjust in (v2.adjust_brightness, v2.adjust_contrast, v2.adjust_saturation):
            image = adjust(image, 1 + colour_jitter * rng.uniform(-1, 1))
        square = np.asarray(image)
    return square[:, ::-1] if mirrored else square


def centre_squares(
    images: ImageSet, batches: Iterable[Tensor], resolution: int
) -> Iterator[Tensor]:
    """Yield `centre_square` of each batch of indices: uint8 [N, 3, H, W] in channels_last."""

    squares = images.squares
    if squares is not None and squares.shape[1] == resolution:
        taken = (torch.from_numpy(squares[batch.numpy()]) for batch in batches)
        return (pixels.permute(0, 3, 1, 2) for pixels in taken)

    def square(index: int) -> Pixels:
        return centre_square(images.read(index), resolution)

    jobs = ([partial(square, index) for index in batch.tolist()] for batch in batches)
    if resolution > MAX_SMALL_RESOLUTION:
        return stack_ahead(jobs, resolution)
    # Smaller images are too little work to pay for threads.
    stacked = (np.stack([job() for job in of_batch]) for of_batch in jobs)
    return (torch.from_numpy(pixels).permute(0, 3, 1, 2) for pixels in stacked)


def random_squares(
    images: ImageSet,
    batches: list[Tensor],
    rngs: list[np.random.Generator],
    resolution: int,
    part: tuple[int, int] = (0, 1),
    colour_jitter: float = 0.0,
) -> Iterator[Tensor]:
    """Yield `random_square` of each batch of indices, drawn by that batch's generator.

    uint8 [N, 3, H, W] in channels_last. Each image has a generator of its own, so that the order of
    threads does not matter. Each batch is `part` (i, n) of one n times as large, for all of which
    its generator draws.
    """

    def square(index: int, seed: int) -> Pixels:
        return random_square(images, index, resolution, Random(seed), colour_jitter)

    def jobs(batch: Tensor, rng: np.random.Generator) -> list[Job]:
        seeds = np.array_split(rng.integers(2**63, size=len(batch) * part[1]), part[1])[part[0]]
        pairs = zip(batch.tolist(), seeds.tolist(), strict=True)
        return [partial(square, index, seed) for index, seed in pairs]

    return stack_ahead(map(jobs, batches, rngs), resolution)


def stack_ahead(batches: Iterable[Sequence[Job]], resolution: int) -> Generator[Tensor, None, None]:
    """Run each batch's jobs in threads, one batch ahead of the consumer, and stack the results.

    Jobs return uint8 [resolution, resolution, 3], and the batch is [N, 3, resolution, resolution]
    in channels_last, in the order of the jobs.
    Threads, not processes: decoders release the GIL, exceptions arrive unchanged, and nothing is
    copied or forked.
    """
    pool = ThreadPoolExecutor(num_workers(), thread_name_prefix="decode")
    waiting: deque[tuple[Tensor, list[Future[None]]]] = deque()

    def finished() -> Tensor:
        stacked, copies = waiting.popleft()
        for copy in copies:
            copy.result()
        return stacked.permute(0, 3, 1, 2)

    try:
        for jobs in batches:
            stacked = torch.empty((len(jobs), resolution, resolution, 3), dtype=torch.uint8)
            places = stacked.numpy()
            copies = [pool.submit(_copy, *pair) for pair in zip(jobs, places, strict=True)]
            waiting.append((stacked, copies))
            if len(waiting) > 1:
                yield finished()
        while waiting:
            yield finished()
    finally:
        pool.shutdown(cancel_futures=True)


def num_workers() -> int:
    """Decoding threads: this process's share of the cores that it may use."""
    num_processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(1, usable_cores().num_usable // num_processes)


def _copy(job: Job, place: Pixels) -> None:
    """Put a job's result in its place, a pixel at a time, which is the quickest if mirrored."""
    place.view(PIXEL)[...] = job().view(PIXEL)
