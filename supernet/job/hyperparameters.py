"""Hyperparameters: how weights are fitted, whatever the recipe trains."""

from dataclasses import dataclass

from supernet.errors import SupernetError

CHOICES = {
    "schedule": ("cosine", "one_cycle"),
    "augment": ("auto", "cifar", "imagenet", "none"),
    "dtype": ("float32", "bfloat16", "float16"),
}


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """SGD with Nesterov momentum (MutualNet, section 4.1). Defaults: the embedded example's."""

    batch_size: int = 64
    """Images a step, over all processes; all subnets of a step see the same ones."""
    accumulate: int = 1
    """Parts that a batch is computed in, one after the other; each has BN statistics of its own."""
    lr: float = 0.1
    """Highest learning rate."""
    schedule: str = "cosine"
    """How it goes, step by step. "cosine": falls from the first step on to 0, along half a wave,
    times a linear warm-up; "one_cycle": rises by half a wave, then falls by half a wave."""
    warmup_fraction: float = 0.1
    """Part of all steps during which the learning rate rises."""
    momentum: float = 0.9
    """Nesterov momentum."""
    weight_decay: float = 5e-4
    """On weights of dense convolutions and linear layers."""
    decay_all: bool = False
    """Whether weight decay is on all other parameters too (depthwise, BN, biases)."""
    label_smoothing: float = 0.0
    """Share of a label that is spread over all classes, for losses with labels."""
    clip_norm: float | None = None
    """Largest norm of the gradient of a step; None: as it comes."""
    ema_decay: float | None = None
    """Decay of the moving average of the weights, which is then what a run ends with; None: no
    average."""
    dtype: str = "float32"
    """What networks compute in; weights and losses stay float32. float16 scales its losses."""
    sync_bn: bool = False
    """Whether BN in training takes its statistics over all processes."""
    augment: str = "auto"
    """"cifar": shifted and mirrored; "imagenet": random crop, mirrored; "none"; "auto": cifar up to
    64 px, imagenet above."""
    colour_jitter: float = 0.0
    """Largest relative change of brightness, contrast and saturation, for augment=imagenet."""
    mixup: float = 0.0
    """Parameter of MixUp's Beta distribution; 0: none (Zhang et al. 2018)."""
    cutmix: float = 0.0
    """Parameter of CutMix's Beta distribution; 0: none (Yun et al. 2019). With both, one is drawn
    for each step."""

    def __post_init__(self) -> None:
        """Raise SupernetError where a field is out of its range."""
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                got = getattr(self, name)
                raise SupernetError(f"`{name}` must be one of {', '.join(choices)}, but got {got}")
        bounds = {
            "batch_size >= 1": self.batch_size >= 1,
            "accumulate >= 1": self.accumulate >= 1,
            "lr > 0": self.lr > 0,
            "0 <= warmup_fraction < 1": 0 <= self.warmup_fraction < 1,
            "0 <= momentum < 1": 0 <= self.momentum < 1,
            "weight_decay >= 0": self.weight_decay >= 0,
            "0 <= label_smoothing < 1": 0 <= self.label_smoothing < 1,
            "clip_norm > 0": self.clip_norm is None or self.clip_norm > 0,
            "0 < ema_decay < 1": self.ema_decay is None or 0 < self.ema_decay < 1,
            "0 <= colour_jitter < 1": 0 <= self.colour_jitter < 1,
            "mixup, cutmix >= 0": min(self.mixup, self.cutmix) >= 0,
        }
        if wrong := [bound for bound, holds in bounds.items() if not holds]:
            raise SupernetError(f"`{wrong[0]}` must hold, but got {self}")
