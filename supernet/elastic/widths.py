"""Which channel groups share a width: all of them, those of one resolution, or none."""

import math
from collections.abc import Sequence

from supernet.tracing import Group


def share_widths(groups: Sequence[Group], how: str, num_sides: int = 2) -> tuple[int, ...]:
    """For each group, the index of its width; indices follow the order of the network.

    `num_sides`: 2 for images and volumes, 1 for signals, 0 for what has no resolution.

    `how` is one of `supernet.space.GROUPS`. With "stage", groups share a width if their channels
    are first computed at the same resolution, to the nearest power of two; groups on pooled
    features (squeeze and excitation, hidden layers of a classifier) belong to the stage before.
    """
    if how == "layer":
        return tuple(range(len(groups)))
    if how == "one":
        return (0,) * len(groups)
    octaves: list[int] = []
    for group in groups:
        octave = round(math.log2(group.num_positions) / max(1, num_sides))
        octaves.append(octaves[-1] if octaves and group.num_positions == 1 else octave)
    number = {octave: i for i, octave in enumerate(dict.fromkeys(octaves))}
    return tuple(number[octave] for octave in octaves)
