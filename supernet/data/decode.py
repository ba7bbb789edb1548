"""Decoding: square uint8 batches from any source, by threads, in order."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms.v2.functional import (
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
)

from supernet.cores import usable_cores
from supernet.data.sources import ImageSet

# Up to this side, training images are shifted; above it, randomly cropped (Data.train_batches).
MAX_SMALL_RESOLUTION = 64
BILINEAR = Image.Resampling.BILINEAR
AREA = (0.08, 1.0)
ASPECT = (3 / 4, 4 / 3)
COLOURS = (adjust_brightness, adjust_contrast, adjust_saturation)


def centre_square(image: Image.Image, resolution: int) -> Tensor:
    """Resize the shorter side to `resolution`, crop the centre: uint8 [H, W, 3]."""
    return _to_tensor(ImageOps.fit(image, (resolution, resolution), BILINEAR))


def random_square(
    image: Image.Image, resolution: int, rng: np.random.Generator, colour_jitter: float = 0.0
) -> Tensor:
    """Random resized crop, flipped half of the time, with colour jitter: uint8 [H, W, 3].

    A crop has 8 % to 100 % of the area and an aspect ratio of 3/4 to 4/3, uniform in the area and
    in the logarithm of the ratio (Szegedy et al. 2015, section 6). One that does not fit into the
    image is redrawn; after ten attempts the centre square is taken. Brightness, contrast and
    saturation are multiplied by up to 1 +- `colour_jitter`, in this order.
    """
    mirrored = rng.random() < 0.5
    for _ in range(10):
        area = image.width * image.height * rng.uniform(*AREA)
        aspect = np.exp(rng.uniform(*np.log(ASPECT)))
        width, height = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if 0 < width <= image.width and 0 < height <= image.height:
            left = int(rng.integers(image.width - width + 1))
            top = int(rng.integers(image.height - height + 1))
            box = (left, top, left + width, top + height)
            square = image.resize((resolution, resolution), BILINEAR, box=box)
            break
    else:
        square = ImageOps.fit(image, (resolution, resolution), BILINEAR)
    for adjust in COLOURS if colour_jitter else ():
        square = adjust(square, 1 + colour_jitter * rng.uniform(-1, 1))
    return _to_tensor(ImageOps.mirror(square) if mirrored else square)


def centre_squares(
    images: ImageSet, batches: Iterable[Tensor], resolution: int
) -> Iterator[Tensor]:
    """Yield `centre_square` of each batch of indices: uint8 [N, 3, H, W] in channels_last."""

    def square(index: int) -> Tensor:
        return centre_square(images.read(index), resolution)

    stacked: Iterator[Tensor]
    if resolution <= MAX_SMALL_RESOLUTION:  # too little work per image for threads to pay off
        stacked = (torch.stack([square(i) for i in batch.tolist()]) for batch in batches)
    else:
        stacked = stack_ahead([partial(square, i) for i in batch.tolist()] for batch in batches)
    for batch in stacked:
        yield batch.permute(0, 3, 1, 2)


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

    def square(index: int, seed: int) -> Tensor:
        rng = np.random.default_rng(seed)
        return random_square(images.read(index), resolution, rng, colour_jitter)

    def jobs(batch: Tensor, rng: np.random.Generator) -> list[Callable[[], Tensor]]:
        seeds = np.array_split(rng.integers(2**63, size=len(batch) * part[1]), part[1])[part[0]]
        pairs = zip(batch.tolist(), seeds.tolist(), strict=True)
        return [partial(square, index, seed) for index, seed in pairs]

    for stacked in stack_ahead(map(jobs, batches, rngs)):
        yield stacked.permute(0, 3, 1, 2)


def stack_ahead(batches: Iterable[Sequence[Callable[[], Tensor]]]) -> Generator[Tensor, None, None]:
    """Run each batch's jobs in threads, one batch ahead of the consumer, and stack the results.

    Threads, not processes: Pillow releases the GIL while it decodes and resizes, exceptions arrive
    unchanged, and nothing is copied or forked. Results keep the order of the jobs.
    """
    pool = ThreadPoolExecutor(num_workers(), thread_name_prefix="decode")
    waiting: deque[list[Future[Tensor]]] = deque()
    try:
        for batch in batches:
            waiting.append([pool.submit(job) for job in batch])
            if len(waiting) > 1:
                yield torch.stack([job.result() for job in waiting.popleft()])
        for last in waiting:
            yield torch.stack([job.result() for job in last])
    finally:
        pool.shutdown(cancel_futures=True)


def num_workers() -> int:
    """Decoding threads: this process's share of the cores that it may use."""
    num_processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(1, usable_cores().num_usable // num_processes)


def _to_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image))
