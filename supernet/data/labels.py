"""Labels and class names of a map-style dataset, however it keeps them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from supernet.errors import DataError


def labels_of(dataset: Any, name: str) -> Tensor:
    """int64 (N,); reads every image if the data set does not list its labels.

    Raises DataError where they are not one class an image.
    """
    listed: Any
    for attribute in ("targets", "labels"):
        if np.ndim(listed := getattr(dataset, attribute, 0)) == 1 and len(listed) == len(dataset):
            break
    else:
        listed = [dataset[index][1] for index in range(len(dataset))]
    try:
        labels = np.asarray(listed)
    except ValueError:  # of different lengths
        labels = np.empty(0)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
        raise DataError(f"{name}: must have one class label per image, but does not")
    if labels.min() < 0:
        raise DataError(f"{name}: labels must count from 0, but got {labels.min()}")
    return torch.from_numpy(labels.astype(np.int64))


def class_names(dataset: Any, num_labels: int) -> tuple[str, ...]:
    """The data set's class names, or numbers if it has none; the first of synonyms."""
    names = getattr(dataset, "classes", None) or range(num_labels)
    return tuple(name[0] if isinstance(name, tuple) else str(name) for name in names)


def look_alikes(classes: Sequence[str]) -> tuple[str, ...]:
    """A line for each two classes that may be meant as one: `Rose` and `rose`, `01` and `1`."""
    found, lines = dict[str, str](), []
    for name in classes:
        key = " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
        key = str(int(key)) if key.isdecimal() else key
        if (first := found.setdefault(key, name)) != name:
            lines.append(f"{first!r} and {name!r} are two classes: if they are one, rename either")
    return tuple(lines)


def check_labels(train: Tensor, labels: Tensor, name: str) -> None:
    """Raise DataError unless labels count from 0 without gaps.

    `train` are those of the training images, of which each class needs one; `labels` are all, both
    int64 (N,).
    """
    if (lowest := int(train.min())) > 0:
        raise DataError(
            f"{name}: labels count from 0, but those of the training images begin at {lowest}: "
            f"subtract {lowest} from each"
        )
    if (highest := int(labels.max())) >= len(train):
        raise DataError(
            f"{name}: labels count from 0 without gaps, but one is {highest}, with {len(train)} "
            "training images: number the classes anew"
        )
