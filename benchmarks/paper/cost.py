"""What the training of a system costs, in multiply-adds, against `mutual`'s."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch

from nas.cost.macs import count_macs
from supernet import Recipe, SearchSpace, Supernet
from supernet.job.recipe import RECIPES
from supernet.models import build_model


class Cost:
    """Multiply-adds of one step and one image, on average over what a step draws.

    `widths` are those of the networks that are trained alone. A backward pass costs two forward
    ones, so it is enough to count these.
    """

    def __init__(
        self,
        model: str,
        model_options: dict[str, Any],
        num_classes: int,
        space: SearchSpace,
        widths: Sequence[float],
    ) -> None:
        self.space, self.widths = space, widths
        side = space.resolutions[0]
        full = build_model(model, num_classes, model_options)
        supernet = Supernet(full, torch.empty(1, 3, side, side), space)
        self._macs = cache(
            lambda width, side: count_macs(supernet.extract(space.uniform(width, side)), side)
        )
        self._of_mutual = self._of_step(RECIPES["mutual"], space)

    def of_system(self, recipe: Recipe, space: SearchSpace | None = None) -> float:
        """Of one step of each of its networks; `mutual` has 1."""
        space = space or self.space
        if recipe.trains_widths:
            return self._of_step(recipe, space) / self._of_mutual
        alone = len(self.widths) * self._mean(self.widths, self._sides(recipe, space))
        return alone / self._of_mutual

    def _of_step(self, recipe: Recipe, space: SearchSpace) -> float:
        """Of a supernet; random widths are taken at nine even places."""
        low, sides = space.narrowest, self._sides(recipe, space)
        places = [low + (1 - low) * (i + 0.5) / 9 for i in range(9)]
        full = sides if recipe.resolutions == "shared" else [space.resolutions[0]]
        return (
            self._mean([1.0], full)
            + recipe.narrowest * self._mean([low], sides)
            + recipe.num_random * self._mean(places, sides)
        )

    def _sides(self, recipe: Recipe, space: SearchSpace) -> list[int]:
        return list(space.resolutions[:1] if recipe.resolutions == "highest" else space.resolutions)

    def _mean(self, widths: Sequence[float], sides: list[int]) -> float:
        values = [self._macs(width, side) for width in widths for side in sides]
        return sum(values) / len(values)
