"""Hyperparameters: how the weights are optimised, independently of the recipe."""

import math
import re
from dataclasses import dataclass, fields

from supernet.data.preprocess import NORMALISATIONS
from supernet.errors import SupernetError

CHOICES = {
    "schedule": ("cosine", "one_cycle"),
    "augment": ("auto", "cifar", "imagenet", "none"),
    "dtype": ("float32", "bfloat16", "float16"),
    "class_weights": ("none", "balanced"),
    "normalisation": ("data", *NORMALISATIONS),
}


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """SGD with Nesterov momentum (MutualNet, section 4.1). Defaults: the embedded example's."""

    batch_size: int = 64
    """Images per step, over all processes; all subnets of a step train on the same images."""
    accumulate: int = 1
    """Gradient accumulation: sequential parts of a batch, each with its own BN statistics."""
    lr: float = 0.1
    """Peak learning rate."""
    body_lr: float = 1.0
    """Factor of the learning rate of the body, which is all but the layers that make the logits: a
    pretrained body may need smaller steps than its new head."""
    schedule: str = "cosine"
    """Learning rate of each step. "cosine": half a cosine from the first step down to 0, multiplied
    by a linear warm-up; "one_cycle": half a cosine up, then half a cosine down."""
    warmup_fraction: float = 0.1
    """Fraction of all steps during which the learning rate rises."""
    momentum: float = 0.9
    """Nesterov momentum."""
    weight_decay: float = 5e-4
    """Weight decay of dense convolutions and linear layers."""
    decay_all: bool = False
    """Whether weight decay also applies to all other parameters (depthwise, BN, biases)."""
    label_smoothing: float = 0.0
    """Label smoothing of the cross-entropy with labels."""
    class_weights: str = "none"
    """"balanced": the loss of an image with a label is weighted inversely to how many training
    images its class has, so that all classes count alike."""
    clip_norm: float | None = None
    """Maximum norm of a step's gradient; None: no clipping."""
    patience: int | None = None
    """Early stopping: the training ends after as many epochs without a better mean top-1 of the
    corners on `selection`, which is then taken after each epoch; None: it trains all epochs. The
    learning rate has not fallen to 0 then, as `schedule` does at the last epoch only."""
    ema_decay: float | None = None
    """Decay of the exponential moving average of the weights, which the run ends with; None: no
    average."""
    dtype: str = "float32"
    """Autocast dtype; weights and losses stay float32, and float16 uses loss scaling."""
    sync_bn: bool = False
    """Whether BN in training uses statistics over all processes (synchronised BN)."""
    normalisation: str = "data"
    """What images are normalised by: "data": mean and deviation of the training images;
    "imagenet", "half": those that pretrained networks expect (supernet/data/preprocess.py)."""
    augment: str = "auto"
    """"cifar": random shift and flip; "imagenet": random resized crop and flip; "none"; "auto":
    cifar up to 64 px, imagenet above."""
    colour_jitter: float = 0.0
    """Maximum relative change of brightness, contrast and saturation, for augment=imagenet."""
    mixup: float = 0.0
    """Parameter of MixUp's Beta distribution; 0: none (Zhang et al. 2018)."""
    cutmix: float = 0.0
    """Parameter of CutMix's Beta distribution; 0: none (Yun et al. 2019). With both, each
    step draws one."""

    def __post_init__(self) -> None:
        """Raise SupernetError where a field is out of range."""
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                got = getattr(self, name)
                raise SupernetError(f"`{name}` must be one of {', '.join(choices)}, but got {got}")
        bounds = {
            "batch_size >= 1": self.batch_size >= 1,
            "accumulate >= 1": self.accumulate >= 1,
            "inf > lr > 0": 0 < self.lr < math.inf,
            "inf > body_lr > 0": 0 < self.body_lr < math.inf,
            "0 <= warmup_fraction < 1": 0 <= self.warmup_fraction < 1,
            "0 <= momentum < 1": 0 <= self.momentum < 1,
            "inf > weight_decay >= 0": 0 <= self.weight_decay < math.inf,
            "0 <= label_smoothing < 1": 0 <= self.label_smoothing < 1,
            "clip_norm > 0": self.clip_norm is None or self.clip_norm > 0,
            "patience >= 1": self.patience is None or self.patience >= 1,
            "0 < ema_decay < 1": self.ema_decay is None or 0 < self.ema_decay < 1,
            "0 <= colour_jitter < 1": 0 <= self.colour_jitter < 1,
            "inf > mixup, cutmix >= 0": 0 <= self.mixup < math.inf and 0 <= self.cutmix < math.inf,
        }
        if wrong := [bound for bound, holds in bounds.items() if not holds]:
            named = [
                each.name for each in fields(self) if each.name in re.findall(r"\w+", wrong[0])
            ]
            got = " and ".join(str(getattr(self, name)) for name in named)
            raise SupernetError(f"`{wrong[0]}` must hold, but got {got}")
