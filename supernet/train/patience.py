"""Patience: ends a training whose accuracy on `selection` has stopped to grow."""

from collections.abc import Mapping
from typing import Any


class Patience:
    """Remembers the best epoch so far; a part of a training's state."""

    def __init__(self, num_epochs: int | None) -> None:
        """`num_epochs` without a better one end the training; None: nothing does."""
        self.num_epochs = num_epochs
        self.best_epoch, self.best_top1 = 0, -1.0

    def note(self, epoch: int, top1: float) -> None:
        """Take in the mean top1 of the corners after an epoch, counted from 1."""
        if top1 > self.best_top1:
            self.best_epoch, self.best_top1 = epoch, top1

    def is_over(self, epoch: int) -> bool:
        """Whether the training ends after this epoch."""
        return self.num_epochs is not None and epoch - self.best_epoch >= self.num_epochs

    def to_json(self) -> dict[str, Any]:
        """Plain values for the state's file."""
        return {"best_epoch": self.best_epoch, "best_top1": self.best_top1}

    def take(self, values: Mapping[str, Any]) -> None:
        """Go on from what `to_json` gave."""
        self.best_epoch, self.best_top1 = values["best_epoch"], values["best_top1"]
