"""Data of the user's own: a `torch.utils.data.Dataset` or `DataLoader`, with no folder on disk."""

from collections.abc import Sequence, Sized
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, IterableDataset

from supernet.data.dataset import Data
from supernet.data.labels import check_labels, class_names, labels_of
from supernet.data.sources import ImageSet, lay_out
from supernet.errors import DataError


def data_from(
    train: Any,
    *,
    selection: Any = None,
    report: Any = None,
    resolution: int,
    seed: int = 0,
    classes: Sequence[str] | None = None,
    name: str | None = None,
    normalisation: str = "data",
) -> Data:
    """The data of map-style datasets of (image, label), or of DataLoaders over such datasets.

    An image is a PIL image, or an array or tensor of shape (C, H, W), (H, W, C) or (H, W) with
    uint8 pixels or floats in 0..1; sizes may differ. Augmentation, batches, shuffling and
    normalisation are the training's own, so leave them out of the dataset's transform; of a
    DataLoader only its dataset is used.

    Args:
        train: images that are trained on; BN is calibrated on some of them.
        selection: images that configs are chosen with; None: a part of `train`.
        report: images that accuracy is reported on; None: a part of `train`.
        resolution: highest input side that is trained, in pixels.
        seed: decides the splits of what is not given.
        classes: names, label i being classes[i]; None: the dataset's own `classes`, or numbers.
        normalisation: that of the job's hyperparameters, such as "imagenet" for fine-tuning.
        name: what the run's documents call the data; None: the name of the dataset's class.

    Raises DataError for a dataset without a length, and for labels that are not whole numbers.
    """
    given = {"train": train, "selection": selection, "report": report}
    parts = {part: _map_style(each, part) for part, each in given.items() if each is not None}
    name = name or type(parts["train"]).__name__
    labels = {part: labels_of(dataset, name) for part, dataset in parts.items()}
    check_labels(labels["train"], torch.cat(list(labels.values())), name)
    num_labels = int(max(each.max() for each in labels.values())) + 1
    everything: ConcatDataset[Any] = ConcatDataset(list(parts.values()))
    images = ImageSet(
        name=name,
        classes=tuple(classes) if classes else class_names(parts["train"], num_labels),
        labels=torch.cat(list(labels.values())),
        names=[f"{part}[{i}]" for part in parts for i in range(len(labels[part]))],
        official=lay_out({part: len(each) for part, each in labels.items()}),
        open=lambda index: to_image(everything[index][0]),
    )
    if len(images.classes) < num_labels:
        raise DataError(
            f"{name}: must have a class name for each of {num_labels} labels, but got "
            f"{len(images.classes)}: pass them as `classes`"
        )
    return Data(images, resolution=resolution, seed=seed, normalisation=normalisation)


def _map_style(dataset: Any, part: str) -> Any:
    """The dataset, or that of a DataLoader; raise DataError where it can't be indexed."""
    if isinstance(dataset, DataLoader):
        dataset = dataset.dataset
    if isinstance(dataset, IterableDataset) or not isinstance(dataset, Sized):
        raise DataError(
            f"`{part}` must be a map-style dataset, with a length and images by number, but is a "
            f"{type(dataset).__name__}: wrap it, or store it as WebDataset shards"
        )
    return dataset


def to_image(image: Any) -> Image.Image:
    """A PIL image of what a dataset gives; see `data_from` for what that may be.

    Raises DataError for anything else, such as images that are already normalised.
    """
    if isinstance(image, Image.Image):
        image.load()  # the dataset may give it again, after its file was closed
        return image
    pixels = np.asarray(image)
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3) and pixels.shape[2] not in (1, 3):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.dtype.kind == "f" and pixels.size and pixels.min() >= 0 and pixels.max() <= 1:
        pixels = np.rint(pixels * 255).astype(np.uint8)
    if pixels.dtype != np.uint8 or not (
        pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    ):
        raise DataError(
            "a dataset's image must be a PIL image, or have uint8 pixels or floats in 0..1 and one "
            f"or three channels, but got {pixels.dtype} of shape {pixels.shape}: leave "
            "normalisation out of its transform"
        )
    return Image.fromarray(pixels)
