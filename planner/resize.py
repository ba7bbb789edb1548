"""Resize as PyTorch resizes a batch of uint8 images on a CPU, to the pixel; needs numpy.

Subnets were scored on images that PyTorch had resized: bilinear with antialiasing, in fixed point.
Pillow's own filter has the same shape but rounds its weights to more digits, so that 3 % of the
pixels differ from PyTorch's by a level or two.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

MAX_BITS = 22
MAX_WEIGHT = 2**15
"""A weight is a 16-bit integer: the largest one, rounded, stays below this."""


def resize(pixels: "NDArray[numpy.uint8]", resolution: int) -> "NDArray[numpy.uint8]":
    """Resize uint8 (height, width, channels) to (resolution, resolution, channels)."""
    narrow = _along_first_axis(pixels.swapaxes(0, 1), resolution)  # widths first, as PyTorch does
    return _along_first_axis(narrow.swapaxes(0, 1), resolution)


def _along_first_axis(pixels: "NDArray[numpy.uint8]", size: int) -> "NDArray[numpy.uint8]":
    import numpy

    if len(pixels) == size:
        return pixels
    places, weights, bits = _taps(len(pixels), size)
    rows = pixels.reshape(len(pixels), -1).astype(numpy.int32)
    sums = numpy.full((size, rows.shape[1]), 2 ** (bits - 1), numpy.int32)
    for place, weight in zip(places.T, weights.T, strict=True):
        sums += weight[:, None] * rows[place]
    resized = (sums >> bits).clip(0, 255).astype(numpy.uint8)
    return resized.reshape(size, *pixels.shape[1:])


@lru_cache(maxsize=64)
def _taps(
    num_before: int, num_after: int
) -> "tuple[NDArray[numpy.intp], NDArray[numpy.int32], int]":
    """For each pixel after: the pixels before that it is made of, and their weights (after, taps).

    A triangle of `support` pixels to both sides of the pixel's centre, cut at the image's edges;
    its weights add up to about 2**bits, the third value.
    """
    import numpy

    scale = num_before / num_after
    support = max(scale, 1.0)
    centres = scale * (numpy.arange(num_after) + 0.5)[:, None]
    first = numpy.maximum((centres - support + 0.5).astype(int), 0)
    end = numpy.minimum((centres + support + 0.5).astype(int), num_before)
    places = first + numpy.arange((end - first).max())
    triangle = numpy.maximum(0.0, 1 - numpy.abs((places - centres + 0.5) / support))
    weights = numpy.where(places < end, triangle, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    bits = 0
    while bits < MAX_BITS and int(0.5 + weights.max() * 2 ** (bits + 1)) < MAX_WEIGHT:
        bits += 1
    rounded = numpy.floor(weights * 2**bits + 0.5).astype(numpy.int32)
    return numpy.minimum(places, num_before - 1), rounded, bits
