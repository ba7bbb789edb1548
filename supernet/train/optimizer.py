"""SGD as in the papers, and its learning rate as a function of the step."""

import math
from collections import defaultdict

import torch
from torch import nn

from supernet.elastic.supernet import Supernet
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.training_job import TrainingJob
from supernet.models import build_model
from supernet.models.weights_fit import heads_of

FACTOR = "factor"
"""Key of a group of parameters: its learning rate as a multiple of the training's."""


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


def make_optimizer(supernet: Supernet, job: TrainingJob) -> torch.optim.SGD:
    """SGD with Nesterov momentum; weight decay on dense convolutions and linear layers, or all."""
    hyper = job.hyperparameters
    heads = _heads(job, supernet.model) if hyper.body_lr != 1 else set()
    groups = defaultdict[tuple[float, float], list[nn.Parameter]](list)
    for name, parameter in supernet.model.named_parameters():
        is_dense = parameter.dim() > 1 and parameter.shape[1] > 1
        decay = hyper.weight_decay if is_dense or hyper.decay_all else 0.0
        groups[decay, 1.0 if name in heads else hyper.body_lr].append(parameter)
    return torch.optim.SGD(
        [
            {"params": parameters, "weight_decay": decay, FACTOR: factor}
            for (decay, factor), parameters in groups.items()
        ],
        lr=hyper.lr,
        momentum=hyper.momentum,
        nesterov=hyper.momentum > 0,
    )


def set_learning_rate(optimizer: torch.optim.SGD, lr: float) -> None:
    """Set the learning rate of the next step, to `body_lr` times `lr` for the body."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group[FACTOR]


def _heads(job: TrainingJob, model: nn.Module) -> set[str]:
    """Names of the parameters that make the logits: those that other classes would change."""

    def build(num_classes: int) -> nn.Module:
        return build_model(job.model, num_classes, job.model_options, seed=job.seed)

    return heads_of(model.state_dict(), build)
