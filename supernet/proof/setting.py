"""Setting: in which precision a proof runs, and on which images."""

import math

import torch
import torch.nn.functional as F

from supernet.elastic.describe import count_elastic
from supernet.elastic.inputs import is_image, sides_of
from supernet.elastic.supernet import Supernet
from supernet.proof.comparing import run
from supernet.proof.learning import TOLERANCE, Inputs
from supernet.proof.twin import twin_of

SIDES = (64, 96, 128)
"""Pixels a side to try: enough for a proof, and cheap. Else the lowest resolution is taken."""


def setting_of(supernet: Supernet) -> tuple[Supernet, torch.dtype, int]:
    """A twin in the first precision, and a side, in which it and its narrowest subnet run.

    Raises whatever the network does where there is none.
    """
    low = supernet.space.resolutions[-1]
    sides = [*(side for side in SIDES if side < low), low]
    for dtype in TOLERANCE:
        twin = twin_of(supernet, dtype)
        twin.eval()
        for side in sides:
            inputs = inputs_of(twin, dtype, side, 2)
            try:
                run(twin.model, inputs)
                run(twin.subnet(twin.space.smallest), inputs)
            except Exception as error:  # a user's network may raise anything
                reason = error
                continue
            return twin, dtype, side
    raise reason


def macs_of(twin: Supernet, side: int) -> float:
    """About how many an image of `side` px takes."""
    sides = sides_of(twin.example_inputs[0])
    kept = [group.size for group in twin.channels.groups]
    macs = count_elastic(twin.model, twin.channels, kept)["macs"]
    return macs * math.prod(side / traced for traced in sides)


def _smooth(
    shape: tuple[int, ...],
    num_sides: int,
    side: int,
    dtype: torch.dtype,
    generator: torch.Generator,
) -> torch.Tensor:
    """Random images that change little from pixel to pixel, enlarged from 4 pixels a side."""
    before = shape[:-num_sides]
    coarse = torch.randn((*before, *[4] * num_sides), generator=generator, dtype=dtype)
    flat = coarse.reshape(-1, 1, 4, 4) if num_sides == 2 else coarse.reshape(-1, 1, 4)
    smooth = F.interpolate(flat, size=side, mode="bicubic" if num_sides == 2 else "linear")
    return smooth.reshape(*before, *[side] * num_sides)


def inputs_of(twin: Supernet, dtype: torch.dtype, side: int, count: int) -> Inputs:
    """Smooth random images of about unit variance, and whatever else the network takes."""
    device = next(twin.parameters()).device
    generator = torch.Generator().manual_seed(0)
    images = twin.example_inputs[0]
    made = []
    for each in twin.example_inputs:
        shape = (count, *each.shape[1:])
        if not each.is_floating_point():
            made.append(torch.zeros(shape, dtype=each.dtype, device=device))
        elif is_image(each, images):
            made.append(_smooth(shape, len(sides_of(images)), side, dtype, generator).to(device))
        else:
            made.append(torch.randn(shape, generator=generator, dtype=dtype).to(device))
    return tuple(made)
