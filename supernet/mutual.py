"""One step of mutual learning (MutualNet, Yang et al., ECCV 2020, section 3.2, algorithm 1)."""

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor

from supernet.space import SubnetConfig
from supernet.supernet import Supernet


def mutual_step(
    supernet: Supernet,
    labels: Tensor,
    configs: Sequence[SubnetConfig],
    images_at: Callable[[int], Tensor],
) -> list[Tensor]:
    """Add the gradients of one step to the parameters; return the loss of each config, detached.

    The first config is the full network: cross-entropy with `labels` (batch,). Each other learns
    from the full network's softmax, which is a constant: KL divergence at temperature 1, averaged
    over the batch, weight 1, no labels. `images_at(resolution)` gives the batch, normalised, as
    float (batch, channels, resolution, resolution). `.grad` of the full network's parameters is
    added to, nothing else is changed: one optimiser step follows.
    """
    full, *others = configs
    logits = supernet(images_at(full.resolution), full)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    teacher = F.softmax(logits.detach(), dim=1)
    losses = [loss.detach()]
    for config in others:
        student = F.log_softmax(supernet(images_at(config.resolution), config), dim=1)
        loss = F.kl_div(student, teacher, reduction="batchmean")
        loss.backward()
        losses.append(loss.detach())
    return losses
