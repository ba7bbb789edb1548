"""The four splits: images for weights, for BN statistics, for selecting configs, for reporting."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from supernet.data.sources import ImageSet
from supernet.errors import DataError

SPLITS = ("train", "calibration", "selection", "report")
SPELLINGS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "development"), "selection"),
    **dict.fromkeys(("eval", "evaluation"), "selection"),
    **dict.fromkeys(("test", "testing"), "report"),
}
"""The split of each name that people give one, in lower case."""
UNCLEAR = ("eval", "evaluation")
"""Names that some give the images for validation, and some those for testing."""
NUM_CALIBRATION = 2_000
HELD_OUT_SHARE = 0.1
MAX_HELD_OUT = 10_000
MIN_HALF = 50
"""A validation split is halved where both halves have that many images ..."""
ENOUGH = 500
"""... and the training images would not give so many for `selection`."""
FEW = 100
"""A note tells of a split of PURPOSES with fewer: its 95 % interval is wider than +-8 points at
80 %."""
PURPOSES = {"selection": "select subnets with", "report": "report accuracy on"}


def split_images(images: ImageSet, seed: int) -> dict[str, Tensor]:
    """Split a source's images: int64 indices for each of SPLITS.

    Indices are sorted, except in `selection` and `calibration`, whose first images are a random
    sample of them: a batch of a folder's first images would be of one class.

    `report` and `selection` are the source's own where it defines them. Where it does not, they are
    a stratified sample of the training images: a tenth of each class (less where that would exceed
    10,000 in total), at least one. But where the only held-out split is for validation
    (`images.may_halve`), it gives a stratified half to `selection` if that is more than the
    training images would give, and those would be few. `train` is the rest; `calibration` is 2,000
    images of `train`, or all of them if there are fewer. The other three splits are disjoint.

    The split of an image depends only on the seed and its name, so that an image added later moves
    few others, and neither the order of files nor a library's random numbers matter.

    Raises DataError when a class has too few training images or a split is empty.
    """
    splits = {name: np.array(part, dtype=np.int64) for name, part in images.official.items()}
    if _is_halved(images):
        salt = f"{seed}/halves"
        splits["selection"], splits["report"] = _carve(images, splits["report"], salt, 0.5)
    missing = [name for name in ("report", "selection") if name not in splits]
    _check_counts(images, splits["train"], 1 + len(missing))
    for name in missing:
        share = _share(len(splits["train"]))
        splits[name], splits["train"] = _carve(images, splits["train"], f"{seed}/{name}", share)
    shuffled = _shuffle(splits["train"], images.names, f"{seed}/calibration")
    splits["calibration"] = shuffled[:NUM_CALIBRATION]
    splits["selection"] = _shuffle(splits["selection"], images.names, f"{seed}/selection")
    if empty := [name for name in SPLITS if not len(splits[name])]:
        raise DataError(f"{images.name}: every split must have images, but {empty[0]!r} has none")
    return {name: torch.from_numpy(splits[name]) for name in SPLITS}


def split_notes(images: ImageSet, splits: Mapping[str, Tensor]) -> tuple[str, ...]:
    """What people should know of how `split_images` split, a line each."""
    notes, halved = list[str](), _is_halved(images)
    if halved:
        notes.append(
            f"{images.name}: the validation images are split in two by seed: "
            f"{len(splits['selection'])} to select subnets with, {len(splits['report'])} to report "
            "accuracy on"
        )
    if few := [split for split in PURPOSES if len(splits[split]) < FEW]:
        own = few if halved else images.official
        found = " and ".join(
            f"{len(splits[split])} images{'' if split in own else ' of train'} to {PURPOSES[split]}"
            for split in few
        )
        notes.append(
            f"{images.name}: only {found}, too few to tell subnets apart (+-8 points or more): "
            f"{_advice(images, few)}"
        )
    return tuple(notes)


def _advice(images: ImageSet, few: Collection[str]) -> str:
    """What gives those splits FEW images or more."""
    own = images.official
    if images.may_halve:
        return (
            f"add a test split of {FEW} or more, which leaves all validation images to select with,"
            f" or validation images, to {2 * FEW} or more"
        )
    if not own.keys() & PURPOSES.keys():  # one split that is held out would be halved
        return (
            f"add a validation split of {2 * FEW} or more, half of which reports accuracy, or "
            f"validation and test splits of {FEW} or more each"
        )
    names = {"selection": "validation", "report": "test"}
    return "add " + " and ".join(
        f"{names[split]} images, to {FEW} or more"
        if split in own
        else f"a {names[split]} split of {FEW} or more"
        for split in few
    )


def require_clear(names: Collection[str], source: str) -> None:
    """Raise DataError where UNCLEAR names stand beside others of the split for validation.

    `names` are spellings in lower case. Alone they mean validation.
    """
    others = [name for name in names if SPELLINGS[name] == "selection" and name not in UNCLEAR]
    if others and (unclear := [name for name in UNCLEAR if name in names]):
        raise DataError(
            f"{source}: images for validation must have one name, but some are {others[0]!r} and "
            f"some {unclear[0]!r}: rename those for testing to 'test'"
        )


def _is_halved(images: ImageSet) -> bool:
    half = len(images.official.get("report", ())) // 2
    num_train = len(images.official["train"])
    carved = _share(num_train) * num_train if num_train else 0
    return images.may_halve and half >= MIN_HALF and carved < min(half, ENOUGH)


def _share(num_images: int) -> float:
    return min(HELD_OUT_SHARE, MAX_HELD_OUT / num_images)


def _carve(
    images: ImageSet, pool: NDArray[np.int64], salt: str, share: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Take `share` of each class from `pool`, at least one: (taken, left), both sorted."""
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
