"""Networks that skip layers at random, each with another generator, for tests of training."""

import random

import numpy as np
import torch
from torch import Tensor, nn


class _Coin(nn.Module):
    """Two equal branches, of which a coin chooses one; with `may_skip`, perhaps neither."""

    def __init__(self, num_classes: int, coin: str, may_skip: bool) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Conv2d(16, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU())
            for _ in range(2)
        )
        self.classifier = nn.Linear(16, num_classes)
        self.coin, self.may_skip = coin, may_skip

    def draw(self) -> float:
        if self.coin == "python":
            return random.random()
        if self.coin == "numpy":
            return float(np.random.rand())
        return float(torch.rand(()))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        if not self.training:
            x = self.branches[0](x) + self.branches[1](x)
        elif self.may_skip:
            for branch in self.branches:
                x = x + branch(x) if self.draw() < 0.5 else x
        else:
            x = x + self.branches[int(self.draw() < 0.5)](x)
        logits: Tensor = self.classifier(x.mean((2, 3)))
        return logits


def one_of_two(num_classes: int, coin: str = "torch") -> nn.Module:
    """One of two equal branches runs in training, both in evaluation."""
    return _Coin(num_classes, coin, may_skip=False)


def stochastic_depth(num_classes: int, coin: str = "torch") -> nn.Module:
    """Each of two blocks is skipped in half of the training steps."""
    return _Coin(num_classes, coin, may_skip=True)


class _Thawing(_Coin):
    """Its stem is built frozen, and trained from `train` on."""

    def train(self, mode: bool = True) -> "_Thawing":
        self.stem.requires_grad_(True)
        return super().train(mode)


def thawing(num_classes: int) -> nn.Module:
    """A network whose `train` unfreezes layers."""
    network = _Thawing(num_classes, "torch", may_skip=False)
    network.stem.requires_grad_(False)
    return network
