"""Against PyTorch, whose kernel for uint8 is the one that images were scored with."""

import numpy as np
import pytest
import torch

from planner.resize import resize
from supernet.data.preprocess import resize as resize_as_scored

SIDES = [
    *[(28, 24), (28, 20), (28, 16), (32, 28), (12, 8), (96, 80), (96, 48), (7, 5), (100, 33)],
    *[(224, 192), (224, 160), (224, 128), (33, 32), (9, 1), (8, 8), (16, 24), (299, 98)],
]


@pytest.mark.parametrize("kind", ["noise", "black and white"])
@pytest.mark.parametrize(("before", "after"), SIDES)
def test_every_pixel_is_the_one_that_was_scored(before: int, after: int, kind: str) -> None:
    generator = np.random.default_rng(before + after)
    images = generator.integers(0, 256, (3, before, before, 3), dtype=np.uint8)
    if kind == "black and white":
        images = np.where(images > 127, 255, 0).astype(np.uint8)
    scored = resize_as_scored(torch.from_numpy(images).permute(0, 3, 1, 2), after)
    ours = np.stack([resize(image, after) for image in images])
    np.testing.assert_array_equal(ours, scored.permute(0, 2, 3, 1).numpy())
