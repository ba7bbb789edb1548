"""One step of mutual learning (MutualNet, Yang et al., ECCV 2020, section 3.2, algorithm 1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from supernet.space import SubnetConfig


@dataclass(frozen=True, kw_only=True)
class Losses:
    """What subnets learn from: the labels, and the full network's softmax."""

    distillation: float = 1.0
    """Weight of the softmax in the loss of all subnets but the full network; see `Recipe`."""
    label_smoothing: float = 0.0
    """Of the cross-entropy with labels."""
    class_weights: Tensor | None = None
    """Float (classes,): weighs each label in the cross-entropy."""

    def with_labels(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy with `labels`, int64 (batch,) or probabilities (batch, classes)."""
        smoothing = self.label_smoothing
        if self.class_weights is None:
            return F.cross_entropy(logits, labels, label_smoothing=smoothing)
        # Not the weighted mean, whose scale would change from batch to batch.
        return F.cross_entropy(
            logits, labels, self.class_weights, label_smoothing=smoothing, reduction="none"
        ).mean()

    def of_subnet(self, logits: Tensor, labels: Tensor, teacher: Tensor) -> Tensor:
        """The loss of any subnet but the full network, whose softmax is `teacher`.

        The KL divergence, averaged over the batch, and for the rest of the weight `with_labels`.
        """
        loss = logits.new_zeros(())
        if self.distillation > 0:
            student = F.log_softmax(logits, dim=1)
            distance = F.kl_div(student, teacher, reduction="batchmean")
            loss = loss + self.distillation * distance
        if self.distillation < 1:
            loss = loss + (1 - self.distillation) * self.with_labels(logits, labels)
        return loss


LOSSES = Losses()


def mutual_step(
    network: Callable[[Tensor, SubnetConfig], Tensor],
    labels: Tensor,
    configs: Sequence[SubnetConfig],
    images_at: Callable[[int], Tensor],
    *,
    learn_from: Losses = LOSSES,
    backward: Callable[[Tensor], None] = Tensor.backward,
) -> list[Tensor]:
    """Add the gradients of one step to the parameters; return the loss of each config, detached.

    The first config is the full network, which learns from `labels`, int64 (batch,) or
    probabilities (batch, classes); all others learn from its softmax, detached, too.
    `network(images, config)`, such as a Supernet, computes logits; `images_at(resolution)` returns
    the batch, normalised, as float (batch, channels, resolution, resolution). `backward` is called
    once per loss and adds to the parameters' `.grad`; nothing else is changed.
    """
    full, *others = configs
    logits = precise(network(images_at(full.resolution), full))
    loss = learn_from.with_labels(logits, labels)
    backward(loss)
    teacher = F.softmax(logits.detach(), dim=1)
    losses = [loss.detach()]
    for config in others:
        logits = precise(network(images_at(config.resolution), config))
        loss = learn_from.of_subnet(logits, labels, teacher)
        backward(loss)
        losses.append(loss.detach())
    return losses


def precise(logits: Tensor) -> Tensor:
    """At least float32: losses of bfloat16 logits would be rounded."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
