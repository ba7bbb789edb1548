"""Inputs: what a network is run on: a batch of images, or several tensors, of which one is that."""

import inspect
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from supernet.errors import ModelError
from supernet.tracing import BATCH_SIZE

Inputs = Tensor | tuple[Tensor, ...]
"""Images (batch, channels, side, side), signals (batch, channels, side) or volumes (batch,
channels, depth, side, side); or these first and what else `forward` takes."""


def as_tuple(inputs: Inputs) -> tuple[Tensor, ...]:
    """All of them."""
    return (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)


def without_data(
    example: Sequence[Tensor], dtype: torch.dtype | None, side: int | None = None
) -> tuple[Tensor, ...]:
    """A traced batch of inputs like these on the meta device, numbers that are no integers `dtype`.

    `side`: that of the images; other inputs of the same height and width are images as well.
    """
    return tuple(
        torch.empty(
            (BATCH_SIZE, *_resized(each, example[0], side)),
            device="meta",
            dtype=(dtype or each.dtype) if each.is_floating_point() else each.dtype,
        )
        for each in example
    )


def sides_of(images: Tensor) -> tuple[int, ...]:
    """What the resolution says: height and width; the length of signals (batch, channels, length).

    Of (batch, channels, depth, height, width) the depth is not among them, and stays.
    """
    return tuple(images.shape[2:][-2:])


def is_image(each: Tensor, images: Tensor) -> bool:
    """Whether one of the inputs is resized with the images: those are, and others of their size."""
    return each.dim() > 2 and each.shape[2:] == images.shape[2:]


def _resized(each: Tensor, images: Tensor, side: int | None) -> tuple[int, ...]:
    if not (side and is_image(each, images)):
        return tuple(each.shape[1:])
    num_sides = len(sides_of(images))
    return (*each.shape[1:-num_sides], *[side] * num_sides)


def require_inputs(model: nn.Module, number: int) -> None:
    """Raise ModelError unless `model.forward` can be called with this number of inputs."""
    try:
        signature = inspect.signature(model.forward)
    except (TypeError, ValueError):  # of a builtin
        return
    try:
        signature.bind(*range(number))
    except TypeError as error:
        kind, names = type(model).__name__, ", ".join(signature.parameters)
        takes = "one input, a batch of images" if number == 1 else f"{number} inputs"
        raise ModelError(
            f"the network must take {takes}, but {kind}.forward takes ({names}): give the others "
            "default values, or pass Supernet an example of each"
        ) from error
