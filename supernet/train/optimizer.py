"""SGD as in the papers, and its learning rate as a function of the step."""

import math

import torch

from supernet.elastic.supernet import Supernet
from supernet.job.hyperparameters import Hyperparameters


def learning_rate(hyper: Hyperparameters, step: int, num_steps: int) -> float:
    """Learning rate of step 0 .. num_steps-1; see `Hyperparameters.schedule`."""
    warmup_steps = hyper.warmup_fraction * num_steps
    risen = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    if hyper.schedule == "cosine":
        return hyper.lr * risen * _half_cosine(step / num_steps)
    if risen < 1:
        return hyper.lr * (1 - _half_cosine(risen))
    return hyper.lr * _half_cosine(max(0.0, step - warmup_steps) / (num_steps - warmup_steps))


def _half_cosine(share: float) -> float:
    """Half a cosine: 1 at 0, 0 at 1."""
    return 0.5 * (1 + math.cos(math.pi * share))


def make_optimizer(supernet: Supernet, hyper: Hyperparameters) -> torch.optim.SGD:
    """SGD with Nesterov momentum; weight decay on dense convolutions and linear layers, or all."""
    parameters = list(supernet.model.parameters())
    dense = [p for p in parameters if p.dim() > 1 and p.shape[1] > 1]
    others = [p for p in parameters if not (p.dim() > 1 and p.shape[1] > 1)]
    groups = [
        {"params": dense, "weight_decay": hyper.weight_decay},
        {"params": others, "weight_decay": hyper.weight_decay if hyper.decay_all else 0.0},
    ]
    return torch.optim.SGD(
        groups, lr=hyper.lr, momentum=hyper.momentum, nesterov=hyper.momentum > 0
    )
