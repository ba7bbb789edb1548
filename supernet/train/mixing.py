"""MixUp and CutMix, by torchvision, as the hyperparameters configure them."""

import torch
from torch import Tensor

from supernet.job.hyperparameters import Hyperparameters


def mix(
    images: Tensor, labels: Tensor, num_classes: int, hyper: Hyperparameters
) -> tuple[Tensor, Tensor]:
    """Apply MixUp or CutMix to a batch; draws from torch's global generator.

    `images` is uint8 [N, C, H, W] and so is the result; labels, int64 [N], become probabilities
    [N, classes]. Without MixUp and CutMix both are returned unchanged.
    """
    if not hyper.mixup and not hyper.cutmix:
        return images, labels
    from torchvision.transforms import v2  # takes seconds to import

    kinds: list[v2.Transform] = []
    if hyper.mixup:
        kinds.append(v2.MixUp(alpha=hyper.mixup, num_classes=num_classes))
    if hyper.cutmix:
        kinds.append(v2.CutMix(alpha=hyper.cutmix, num_classes=num_classes))
    kind = kinds[int(torch.randint(len(kinds), ()))]
    mixed, shares = kind(images.float(), labels)
    return mixed.round_().to(torch.uint8), shares
