"""Presets: complete jobs, for photographs of one's own and with the papers' hyperparameters."""

from dataclasses import replace

from supernet.job.hyperparameters import Hyperparameters
from supernet.job.recipe import RECIPES
from supernet.job.training_job import TrainingJob
from supernet.space import SearchSpace, widths_from

_IMAGENET = (224, 192, 160, 128)

_SCRATCH = TrainingJob(
    data="photos",
    model="mobilenet_v2",
    model_options={},
    hyperparameters=Hyperparameters(batch_size=32, clip_norm=2.0),
    space=SearchSpace(widths=widths_from(0.5), resolutions=(128, 112, 96, 80, 64)),
    epochs=0,
)

_MOBILENET_V1 = TrainingJob(
    data="imagenet",
    model="mobilenet_v1",
    model_options={},
    recipe=RECIPES["mutual"],
    hyperparameters=Hyperparameters(
        batch_size=1024, lr=0.5, weight_decay=1e-4, warmup_fraction=0.0, augment="imagenet"
    ),
    space=SearchSpace(widths=widths_from(0.25), resolutions=_IMAGENET),
    epochs=250,
)

PRESETS = {
    "embedded": TrainingJob(),
    "scratch": _SCRATCH,
    # Chosen on flowers' `selection` (docs/photographs.md).
    "finetune": replace(
        _SCRATCH,
        hyperparameters=replace(
            _SCRATCH.hyperparameters, lr=0.03, weight_decay=1e-4, normalisation="imagenet"
        ),
        sort_by_importance=True,
    ),
    "mobilenet_v1-imagenet": _MOBILENET_V1,
    "mobilenet_v2-imagenet": replace(
        _MOBILENET_V1,
        model="mobilenet_v2",
        space=SearchSpace(widths=widths_from(0.7), resolutions=_IMAGENET),
    ),
    "resnet50-imagenet": replace(
        _MOBILENET_V1,
        model="resnet50",
        hyperparameters=replace(
            _MOBILENET_V1.hyperparameters, batch_size=512, lr=0.2, decay_all=True
        ),
        space=SearchSpace(widths=widths_from(0.9), resolutions=_IMAGENET),
        epochs=120,
    ),
    "wide_resnet-cifar": TrainingJob(
        data="torchvision:CIFAR10",
        model="wide_resnet",
        model_options={"depth": 28, "widen": 10},
        recipe=RECIPES["mutual"],
        hyperparameters=Hyperparameters(
            batch_size=128, warmup_fraction=0.0, decay_all=True, augment="cifar"
        ),
        space=SearchSpace(widths=widths_from(0.9), resolutions=(32, 28, 24, 20)),
        epochs=200,
    ),
}
"""All presets by name; other arguments override fields of the `--preset`."""
