"""Top-1 accuracy of one subnet, with its interval.

Images are decoded once, resized once for each resolution and cached as uint8 in channels_last;
every subnet is evaluated on the same ones.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from supernet.data.dataset import Data
from supernet.data.preprocess import normalise, resize
from supernet.elastic.supernet import Supernet
from supernet.errors import DataError
from supernet.evaluate.calibration import calibrate_bn
from supernet.space import SubnetConfig

Z_95 = 1.959964
"""Half the width of a normal distribution's central 95 %, in standard deviations."""

MIN_SCORED, MIN_CALIBRATED, MAX_VALUES = 8, 64, 600_000
"""A CPU scores and calibrates at least so many images at a time, and about so many values: 255
images of 28 pixels a side, 12 of 128 (64 in calibration, where they must stand for all). The
activations of more don't fit its caches (benchmarks/networks/batch_sizes.py)."""

MAX_CACHE_BYTES = 4 * 2**30
"""Above this, the cache drops the least recently used split and resolution."""


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Top-1 accuracy, as counts; higher is better."""

    num_images: int
    """Images evaluated."""
    num_correct: int
    """Images whose most probable class is their label."""

    def __post_init__(self) -> None:
        """Raise DataError when there are no images."""
        if self.num_images < 1:
            raise DataError("accuracy needs at least one image, but got none")

    @property
    def top1(self) -> float:
        """Fraction of correct predictions, 0..1."""
        return self.num_correct / self.num_images

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of `top1`."""
        return wilson(self.top1, self.num_images)


def wilson(share: float, num_images: float) -> tuple[float, float]:
    """95 % score interval of a proportion (Wilson 1927): within 0..1, sound near both ends."""
    n, p = num_images, share
    scale = 1 + Z_95**2 / n
    middle = (p + Z_95**2 / (2 * n)) / scale
    half = Z_95 / scale * math.sqrt(p * (1 - p) / n + Z_95**2 / (4 * n**2))
    return max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half))


class Images:
    """The images of all splits at any resolution, ready for a network.

    Cached as uint8, delivered as float32: (images, labels) on `device`, normalised, channels_last,
    in the split's order.

    Args:
        data: read when a split is first asked for.
        device: of what is delivered.
        batch_size: images in a batch, by whose statistics calibration normalises; None: on a CPU
            as many as fit its caches, at least MIN_CALIBRATED; 500 on others.
    """

    def __init__(self, data: Data, device: torch.device, batch_size: int | None = None) -> None:
        if batch_size is None:
            fitting = max(MIN_CALIBRATED, MAX_VALUES // (3 * data.resolution**2))
            batch_size = min(500, fitting) if device.type == "cpu" else 500
        self.data, self.device, self.batch_size = data, device, batch_size
        self._kept: dict[tuple[str, int], list[tuple[Tensor, Tensor]]] = {}

    def batches(self, split: str, resolution: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield each batch of a split once, at `resolution` pixels a side."""
        yield from map(self._ready, self._resized(split, resolution))

    def pixels(self, split: str, resolution: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the same batches before they are normalised: uint8 (n, side, side, 3), on the CPU.

        This is what a network takes that has its normalisation inside.
        """
        for images, labels in self._resized(split, resolution):
            yield images.permute(0, 2, 3, 1), labels

    def chosen(
        self, split: str, resolution: int, indices: Sequence[int]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield only the images at `indices` of the split, in that order, in batches likewise."""
        yield from map(self._ready, self._chosen(split, resolution, indices))

    def chosen_pixels(
        self, split: str, resolution: int, indices: Sequence[int]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the same batches as `chosen` before they are normalised; see `pixels`."""
        for images, labels in self._chosen(split, resolution, indices):
            yield images.permute(0, 2, 3, 1), labels

    def _chosen(
        self, split: str, resolution: int, indices: Sequence[int]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        kept, size = self._resized(split, resolution), self.batch_size
        for start in range(0, len(indices), size):
            some = [int(index) for index in indices[start : start + size]]
            batches = [min(index // size, len(kept) - 1) for index in some]  # see `cut`
            images, labels = (
                torch.stack(
                    [kept[b][part][i - b * size] for i, b in zip(some, batches, strict=True)]
                )
                for part in (0, 1)
            )
            yield images.contiguous(memory_format=torch.channels_last), labels

    def _resized(self, split: str, resolution: int) -> list[tuple[Tensor, Tensor]]:
        key = split, resolution
        if key not in self._kept:
            self._kept[key] = [
                (resize(images, resolution), labels)
                for images, labels in self.data.batches(split, batch_size=self.batch_size)
            ]
        self._kept[key] = self._kept.pop(key)  # the last key is the most recently used
        self._evict()
        return self._kept[key]

    def _ready(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        images, labels = batch
        pixels = normalise(images.to(self.device), self.data.mean, self.data.std)
        return pixels, labels.to(self.device)

    def _evict(self) -> None:
        sizes = {k: sum(i.numel() for i, _ in batches) for k, batches in self._kept.items()}
        for key in list(self._kept)[:-1]:
            if sum(sizes.values()) <= MAX_CACHE_BYTES:
                return
            del self._kept[key], sizes[key]


def calibrated_subnet(
    supernet: Supernet, config: SubnetConfig, images: Images, *, max_batches: int | None = None
) -> nn.Module:
    """The extracted subnet in eval mode, with BN statistics of its own resolution.

    They come from all images of `calibration`, or from its first `max_batches` batches.
    """
    network = supernet.extract(config).eval()
    network.to(device=images.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    batches = islice(images.batches("calibration", config.resolution), max_batches)
    calibrate_bn(network, (x for x, _ in batches))
    return network


@torch.inference_mode()
def predictions(logits: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Each image's most probable class, the first of several: int64 (n,).

    `logits` maps (n, c, side, side) to (n, classes). On a CPU it is called for as many images at a
    time as fit its caches.
    """
    size = len(images)
    if images.device.type == "cpu":
        size = max(MIN_SCORED, MAX_VALUES // images[0].numel())
    return torch.cat([logits(part).argmax(dim=1) for part in images.split(size)])


def correct_predictions(
    logits: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor
) -> Tensor:
    """Whether each image's most probable class is its label: bool (n,); see `predictions`."""
    predicted = predictions(logits, images)
    return predicted == labels.to(predicted.device)


def correct_images(
    logits: Callable[[Tensor], Tensor], batches: Iterable[tuple[Tensor, Tensor]]
) -> Tensor:
    """`correct_predictions` of all batches: bool (n,) on the CPU, in the batches' order."""
    return torch.cat([correct_predictions(logits, *batch).cpu() for batch in batches])


def accuracy(
    logits: Callable[[Tensor], Tensor], batches: Iterable[tuple[Tensor, Tensor]]
) -> Accuracy:
    """Count the correct predictions over all batches; see `correct_predictions`."""
    num_images = num_correct = 0
    for images, labels in batches:
        num_correct += int(correct_predictions(logits, images, labels).sum())
        num_images += len(labels)
    return Accuracy(num_images=num_images, num_correct=num_correct)


def selection_top1(
    supernet: Supernet, configs: Iterable[SubnetConfig], images: Images
) -> dict[str, Accuracy]:
    """Accuracy of each config's calibrated subnet on `selection`, by config_id."""
    return {
        config.config_id: accuracy(
            calibrated_subnet(supernet, config, images),
            images.batches("selection", config.resolution),
        )
        for config in configs
    }
