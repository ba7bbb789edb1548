"""MixUp and CutMix: images and labels of a batch mixed with one another, by torchvision."""

import torch
from torch import Tensor
from torchvision.transforms import v2

from supernet.job.hyperparameters import Hyperparameters


def mix(
    images: Tensor, labels: Tensor, num_classes: int, hyper: Hyperparameters
) -> tuple[Tensor, Tensor]:
    """Mix a batch as `hyper` says; draws from torch's global generator.

    `images` is uint8 [N, C, H, W] and so is the result; labels go from int64 [N] to shares
    [N, classes]. Without MixUp and CutMix both come back as they are.
    """
    kinds: list[v2.Transform] = []
    if hyper.mixup:
        kinds.append(v2.MixUp(alpha=hyper.mixup, num_classes=num_classes))
    if hyper.cutmix:
        kinds.append(v2.CutMix(alpha=hyper.cutmix, num_classes=num_classes))
    if not kinds:
        return images, labels
    kind = kinds[int(torch.randint(len(kinds), ()))]
    mixed, shares = kind(images.float(), labels)
    return mixed.round_().to(torch.uint8), shares
