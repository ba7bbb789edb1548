"""Ema: the exponential moving average of a network's weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class Ema:
    """Averages of a model's parameters, starting at their current values; none without a decay.

    `decay` is the fraction of the average that a step keeps. In the first steps it is
    (1 + step) / (10 + step) where that is smaller, so that the initial weights fade quickly.
    """

    def __init__(self, model: nn.Module, decay: float | None) -> None:
        self.decay = decay
        self.model = model
        named = model.named_parameters() if decay is not None else ()
        self.weights = {name: p.detach().clone() for name, p in named if p.is_floating_point()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the averages with the weights after step 0, 1, ..."""
        if self.decay is None:
            return
        decay = min(self.decay, (1 + step) / (10 + step))
        now = [self.model.get_parameter(name).detach() for name in self.weights]
        torch._foreach_lerp_(list(self.weights.values()), now, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within `with`, the model's weights are the averages; afterwards, its own again."""
        own = {name: self.model.get_parameter(name).detach().clone() for name in self.weights}
        self.put()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, tensor in own.items():
                    self.model.get_parameter(name).copy_(tensor)

    @torch.no_grad()
    def put(self) -> None:
        """Replace the model's weights by the averages."""
        for name, tensor in self.weights.items():
            self.model.get_parameter(name).copy_(tensor)
