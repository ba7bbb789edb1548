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
    rows = _along_first_axis(pixels.swapaxes(0, 1), resolution)  # columns first, as PyTorch does
    return _along_first_axis(rows.swapaxes(0, 1), resolution)


def _along_first_axis(pixels: "NDArray[numpy.uint8]", size: int) -> "NDArray[numpy.uint8]":
    import numpy

    if len(pixels) == size:
        return pixels
    weights, bits = _weights(len(pixels), size)
    # In float64 the sums of integers are exact, and BLAS computes them.
    sums = weights @ pixels.reshape(len(pixels), -1).astype(numpy.float64)
    rounded = numpy.floor((sums + 2 ** (bits - 1)) / 2**bits).clip(0, 255)
    resized: NDArray[numpy.uint8] = rounded.astype(numpy.uint8)
    return resized.reshape(size, *pixels.shape[1:])


@lru_cache(maxsize=64)
def _weights(num_before: int, num_after: int) -> "tuple[NDArray[numpy.float64], int]":
    """A row of integer weights for each pixel after, and the bits by which they are scaled.

    A triangle of `support` pixels to both sides of the pixel's centre, cut at the image's edges.
    """
    import numpy

    scale = num_before / num_after
    support = max(scale, 1.0)
    centres = scale * (numpy.arange(num_after) + 0.5)[:, None]
    first = numpy.maximum((centres - support + 0.5).astype(int), 0)
    end = numpy.minimum((centres + support + 0.5).astype(int), num_before)
    places = numpy.arange(num_before)[None]
    triangle = numpy.maximum(0.0, 1 - numpy.abs((places - centres + 0.5) / support))
    weights = triangle * ((first <= places) & (places < end))
    weights /= weights.sum(axis=1, keepdims=True)
    bits = 0
    while bits < MAX_BITS and int(0.5 + weights.max() * 2 ** (bits + 1)) < MAX_WEIGHT:
        bits += 1
    return numpy.floor(weights * 2**bits + 0.5), bits
