"""Identity: whether images are those of a run, whatever became of their folder."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor

from supernet.data.sources import ImageSet, without
from supernet.data.splits import SPLITS, split_images
from supernet.errors import DataError


def digests(images: ImageSet, splits: Mapping[str, Tensor]) -> dict[str, str]:
    """Each split's sha256 over the names and labels of its images."""
    labels = images.labels.tolist()
    lines = {
        split: (f"{images.names[i]} {labels[i]}\n" for i in sorted(indices.tolist()))
        for split, indices in splits.items()
    }
    return {
        split: sha256("".join(of_split).encode()).hexdigest() for split, of_split in lines.items()
    }


def recorded_digests(recorded: Mapping[str, Any]) -> dict[str, str]:
    """The `digests` in a run's record of its data (`Data.describe`)."""
    return {split: recorded["splits"][split]["sha256"] for split in SPLITS}


def as_recorded(
    images: ImageSet, seed: int, recorded: Mapping[str, Any]
) -> tuple[ImageSet, dict[str, Tensor]] | None:
    """The images and splits as a run has them; None where the images are others.

    A run decides which images are left out as damaged (they may be gone or whole again) and the
    order of the classes; runs that began before validation splits were halved have these whole.
    """
    images = without(images, recorded.get("excluded", ()))
    classes = recorded["classes"]
    if len(set(classes)) == len(classes) and sorted(images.classes) == sorted(classes):
        images = _reordered(images, classes)
    for may_halve in {images.may_halve, False}:
        variant = replace(images, may_halve=may_halve)
        with contextlib.suppress(DataError):  # such as too few images to split like that
            splits = split_images(variant, seed)
            if digests(variant, splits) == recorded_digests(recorded):
                return variant, splits
    return None


def _reordered(images: ImageSet, classes: Sequence[str]) -> ImageSet:
    """The same images with the same classes in another order."""
    label_of = {name: label for label, name in enumerate(classes)}
    labels = torch.tensor([label_of[name] for name in images.classes])[images.labels]
    return replace(images, classes=tuple(classes), labels=labels)
