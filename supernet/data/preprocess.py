"""Operations on uint8 batches of images: shift and flip, resize, normalise."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

NORMALISATIONS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
"""Mean and standard deviation of each channel, for images in 0..1, that pretrained networks expect:
those of ImageNet (torchvision's, most of timm's), or pixels in -1..1 (Inception, many ViTs)."""


def resize(images: Tensor, resolution: int) -> Tensor:
    """Resize to `resolution` pixels a side, on the images' device.

    `images` is uint8 [N, C, H, W]; so is the result, in channels_last. Bilinear with antialiasing,
    rounded; images already of that size are unchanged. The CPU computes in fixed point, so that a
    pixel may differ by one level between devices.
    """
    if images.shape[-2:] == (resolution, resolution):
        return images.contiguous(memory_format=torch.channels_last)
    # CUDA has no uint8 kernel; the CPU's is several times faster than its float one.
    source = images if images.device.type == "cpu" else images.float()
    source = source.contiguous(memory_format=torch.channels_last)
    size = (resolution, resolution)
    resized = interpolate(source, size, mode="bilinear", antialias=True)
    if resized.is_floating_point():
        resized = resized.round_().to(torch.uint8)
    return resized.contiguous(memory_format=torch.channels_last)


def normalise(
    images: Tensor, mean: tuple[float, ...] | Tensor, std: tuple[float, ...] | Tensor
) -> Tensor:
    """Return (images / 255 - mean) / std as float32, in the images' shape and memory format.

    `images` is uint8 [N, C, H, W]; `mean` and `std` have one value a channel, for images in 0..1.
    """
    shape = (1, -1, 1, 1)
    shift = torch.as_tensor(mean, device=images.device).mul(255).view(shape)
    scale = torch.as_tensor(std, device=images.device).mul(255).view(shape)
    return images.float().sub_(shift).div_(scale)


def channel_statistics(batches: Iterable[Tensor]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel, for images in 0..1, to four decimals.

    `batches` are uint8 [N, C, H, W]. The sums are integers, so that the batch size does not matter.
    A standard deviation is at least one grey level.
    """
    sums = squares = torch.zeros(1, dtype=torch.int64)
    num_pixels = 0
    for images in batches:
        pixels = images.long()
        sums = sums + pixels.sum((0, 2, 3))
        squares = squares + pixels.square().sum((0, 2, 3))
        num_pixels += pixels[:, 0].numel()
    mean = sums.double() / num_pixels
    std = (squares.double() / num_pixels - mean.square()).clamp(min=1).sqrt()
    return _rounded(mean / 255), _rounded(std / 255)


def shift_and_flip(
    images: Tensor, max_shift: int, rng: np.random.Generator, part: tuple[int, int] = (0, 1)
) -> Tensor:
    """Shift each image by up to `max_shift` pixels, padded with zeros; flip half of them.

    `images` is uint8 [N, C, H, W]; so is the result, in channels_last. The usual augmentation for
    CIFAR ("pad 4 and crop", He et al. 2016, section 4.2). `images` may be `part` (i, n) of a batch
    n times as large, for all of which the generator draws.
    """
    count, _, height, width = images.shape
    mine = slice(part[0] * count, (part[0] + 1) * count)
    shifts = rng.integers(2 * max_shift + 1, size=(2, count * part[1]))
    down, right = torch.from_numpy(shifts[:, mine])
    mirrored = torch.from_numpy(rng.integers(2, size=count * part[1])[mine]).bool()
    padded = pad(images.permute(0, 2, 3, 1), (0, 0) + 4 * (max_shift,))
    # All crops as a view: [N, shifts down, shifts right, C, H, W]; indexing copies one per image.
    crops = padded.unfold(1, height, 1).unfold(2, width, 1)
    shifted = crops[torch.arange(count), down, right].permute(0, 2, 3, 1).contiguous()
    flipped = torch.where(mirrored.view(-1, 1, 1, 1), shifted.flip(2), shifted)
    return flipped.permute(0, 3, 1, 2)


def _rounded(values: Tensor) -> tuple[float, ...]:
    return tuple(round(value, 4) for value in values.tolist())
