"""The four splits: images for weights, for BN statistics, for selecting configs, for reporting."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from supernet.data.sources import ImageSet
from supernet.errors import DataError

SPLITS = ("train", "calibration", "selection", "report")
NUM_CALIBRATION = 2_000
HELD_OUT_SHARE = 0.1
MAX_HELD_OUT = 10_000


def split_images(images: ImageSet, seed: int) -> dict[str, Tensor]:
    """Split a source's images: int64 indices for each of SPLITS.

    Indices are sorted, except in `selection`, whose first images are a random sample of it.

    `report` and `selection` are the source's own where it defines them. Where it does not, they are
    a stratified sample of the training images: a tenth of each class (less where that would exceed
    10,000 in total), at least one. `train` is the rest; `calibration` is 2,000 images of `train`,
    or all of them if there are fewer. The other three splits are disjoint.

    The split of an image depends only on the seed and its name, so that an image added later moves
    few others, and neither the order of files nor a library's random numbers matter.

    Raises DataError when a class has too few training images or a split is empty.
    """
    splits = {name: np.array(part, dtype=np.int64) for name, part in images.official.items()}
    missing = [name for name in ("report", "selection") if name not in splits]
    _check_counts(images, splits["train"], 1 + len(missing))
    for name in missing:
        splits[name], splits["train"] = _carve(images, splits["train"], f"{seed}/{name}")
    shuffled = _shuffle(splits["train"], images.names, f"{seed}/calibration")
    splits["calibration"] = np.sort(shuffled[:NUM_CALIBRATION])
    splits["selection"] = _shuffle(splits["selection"], images.names, f"{seed}/selection")
    if empty := [name for name in SPLITS if not len(splits[name])]:
        raise DataError(f"{images.name}: every split must have images, but {empty[0]!r} has none")
    return {name: torch.from_numpy(splits[name]) for name in SPLITS}


def _carve(
    images: ImageSet, pool: NDArray[np.int64], salt: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Take the held-out share of each class from `pool`: (taken, left), both sorted."""
    share = min(HELD_OUT_SHARE, MAX_HELD_OUT / len(pool))
    shuffled = _shuffle(pool, images.names, salt)
    labels = images.labels.numpy()[shuffled]
    taken = np.zeros(len(pool), dtype=bool)
    for label in range(len(images.classes)):
        of_class = np.flatnonzero(labels == label)
        taken[of_class[: max(1, round(share * len(of_class)))]] = True
    return np.sort(shuffled[taken]), np.sort(shuffled[~taken])


def _shuffle(pool: NDArray[np.int64], names: Sequence[str], salt: str) -> NDArray[np.int64]:
    """Order by a hash of the name: the same on every machine and with every version."""
    return np.array(sorted(pool, key=lambda i: sha256(f"{salt}/{names[i]}".encode()).digest()))


def _check_counts(images: ImageSet, train: NDArray[np.int64], needed: int) -> None:
    if len(images.classes) < 2:
        raise DataError(f"{images.name}: must have two classes or more, not {images.classes}")
    counts = np.bincount(images.labels.numpy()[train], minlength=len(images.classes))
    if counts.min() < needed:
        raise DataError(
            f"{images.name}: every class must have at least {needed} training images,"
            f" but {images.classes[counts.argmin()]!r} has {counts.min()}: add some or remove it"
        )
