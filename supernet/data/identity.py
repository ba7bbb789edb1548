"""Identity: whether images are those of a run, whatever became of their folder."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Literal
from unicodedata import normalize

import torch
from torch import Tensor

from supernet.data.check import Checked, cache_of, check_images, history
from supernet.data.scan import counted
from supernet.data.sources import ImageSet, without
from supernet.data.splits import SPLITS, split_images
from supernet.errors import DataError

MAX_TRAIN_COMPARED = 100_000
"""The content of no more training images is compared; that of the other splits always is."""


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


def contents(
    images: ImageSet, splits: Mapping[str, Tensor], checked: Mapping[str, Checked]
) -> dict[str, str]:
    """Each split's sha256 over its images' own digests, of splits whose images are all known."""
    found = {}
    for split, indices in splits.items():
        names = sorted(images.names[i] for i in indices.tolist())
        if all(name in checked for name in names):
            lines = "".join(f"{checked[name].digest}\n" for name in names)
            found[split] = sha256(lines.encode()).hexdigest()
    return found


def recorded_contents(recorded: Mapping[str, Any]) -> dict[str, str]:
    """The `contents` in a run's record of its data; of images that are no files there are none."""
    of_splits = {split: recorded["splits"][split].get("content") for split in SPLITS}
    return {split: content for split, content in of_splits.items() if content}


def recorded_digests(recorded: Mapping[str, Any]) -> dict[str, str]:
    """The `digests` in a run's record of its data (`Data.describe`)."""
    return {split: recorded["splits"][split]["sha256"] for split in SPLITS}


def as_recorded(
    images: ImageSet, seed: int, recorded: Mapping[str, Any]
) -> tuple[ImageSet, dict[str, Tensor]] | None:
    """The images and splits as a run has them; None where the images are others.

    A run decides which images are left out as damaged (they may be gone or whole again) and the
    order of the classes; runs that began before validation splits were halved have these whole. A
    folder that moved between systems may have its names in another Unicode form.
    """
    expected = recorded_digests(recorded)
    for variant in _variants(images, recorded):
        with contextlib.suppress(DataError):  # such as too few images to split like that
            splits = split_images(variant, seed)
            if digests(variant, splits) == expected:
                return variant, splits
    return None


def _variants(images: ImageSet, recorded: Mapping[str, Any]) -> Iterator[ImageSet]:
    """The images in each way in which a run may have had them."""
    classes = recorded["classes"]
    forms = [images]
    if not all(map(str.isascii, (*images.names, *classes))):
        forms += [_in_form(images, "NFC"), _in_form(images, "NFD")]
    for form in forms:
        found = without(form, recorded.get("excluded", ()))
        if len(set(classes)) == len(classes) and sorted(found.classes) == sorted(classes):
            found = _reordered(found, classes)
        yield from (replace(found, may_halve=each) for each in {found.may_halve, False})


def _in_form(images: ImageSet, form: Literal["NFC", "NFD"]) -> ImageSet:
    """The same images with their names and classes in that Unicode form."""
    names = [normalize(form, name) for name in images.names]
    return replace(
        images, names=names, classes=tuple(normalize(form, name) for name in images.classes)
    )


def require_names(images: ImageSet, found: Mapping[str, str], recorded: Mapping[str, Any]) -> None:
    """Raise DataError unless classes and `found`, the `digests`, are those of a run.

    Names what is missing, if this machine knows it from a check.
    """
    if list(images.classes) != recorded["classes"]:
        raise DataError(
            f"{images.name}: must have the {len(recorded['classes'])} classes of the run, but has"
            f" {len(images.classes)} or other names: restore the data or start a new run"
        )
    for split, digest in recorded_digests(recorded).items():
        if found[split] != digest:
            there = {*images.names, *recorded.get("excluded", ())}
            gone = sorted(set(_known(images, recorded)) - there)
            missing = (
                f" ({counted(len(gone), 'image(s)')} missing, such as {gone[0]})" if gone else ""
            )
            raise DataError(
                f"{images.name}: split {split!r} must hold the same"
                f" {recorded['splits'][split]['num_images']} images as in the run, but others are"
                f" there{missing}: restore them and the seed, or start a new run"
            )


def require_content(
    images: ImageSet, splits: Mapping[str, Tensor], recorded: Mapping[str, Any]
) -> None:
    """Raise DataError unless the files have the content of a run's, `recorded_contents`.

    Where there are many training images, only those of `calibration` are read. Names what has
    changed, if this machine knows it from a check.
    """
    expected = recorded_contents(recorded)
    compared = {
        split: splits[split]
        for split in expected
        if split != "train" or len(splits[split]) <= MAX_TRAIN_COMPARED
    }
    if not compared or images.content is None:
        return
    cache, indices = cache_of(images.name), torch.cat(list(compared.values())).unique()
    checked = check_images(images, indices.tolist(), cache)
    for split, content in contents(images, compared, checked).items():
        if content != expected[split]:
            before = _known(images, recorded)
            names = sorted(name for name in checked if len(set(before.get(name, ()))) > 1)
            changed = f" ({counted(len(names), 'image(s)')}, such as {names[0]})" if names else ""
            raise DataError(
                f"{images.name}: split {split!r} must hold the photos of the run, but some have"
                f" changed{changed}: restore them, or start a new run"
            )


def _known(images: ImageSet, recorded: Mapping[str, Any]) -> dict[str, list[str]]:
    """`history` of the images' folder and, where they have moved, of the one that a run had."""
    found = history(cache_of(images.name))
    for name, its_digests in history(cache_of(recorded["name"])).items():
        found[name] = its_digests + found.get(name, [])
    return found


def _reordered(images: ImageSet, classes: Sequence[str]) -> ImageSet:
    """The same images with the same classes in another order."""
    label_of = {name: label for label, name in enumerate(classes)}
    labels = torch.tensor([label_of[name] for name in images.classes])[images.labels]
    return replace(images, classes=tuple(classes), labels=labels)
