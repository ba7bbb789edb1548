"""The same images, whatever became of their folder."""

import dataclasses
from typing import Literal
from unicodedata import normalize

import pytest
import torch
from PIL import Image

from supernet.data.identity import as_recorded, digests
from supernet.data.sources import ImageSet, lay_out, without
from supernet.data.splits import split_images


def image_set(num_train: int = 200, num_report: int = 120) -> ImageSet:
    sizes = {"train": num_train, "report": num_report}
    names = [f"{part}/{i}.png" for part, size in sizes.items() for i in range(size)]
    return ImageSet(
        name="made",
        classes=("1", "2", "10"),
        labels=torch.arange(len(names)) % 3,
        names=names,
        official=lay_out(sizes),
        open=lambda index: Image.new("L", (1, 1), index % 256),
        may_halve=True,
    )


def record(images: ImageSet, excluded: tuple[str, ...] = ()) -> dict[str, object]:
    splits = digests(images, split_images(images, 0))
    return {
        "classes": list(images.classes),
        "splits": {split: {"sha256": digest} for split, digest in splits.items()},
        "excluded": list(excluded),
    }


def test_what_a_run_had_is_found_again() -> None:
    """In every combination of what may differ."""
    images = image_set()
    whole = dataclasses.replace(images, may_halve=False)
    labels = torch.tensor([0, 2, 1])[images.labels]
    for before in (images, whole):
        for had in (
            before,
            dataclasses.replace(before, classes=("1", "10", "2"), labels=labels),
        ):
            found = as_recorded(images, 0, record(had))
            assert found is not None
            assert found[0].classes == had.classes
            assert found[0].labels.tolist() == had.labels.tolist()
            assert found[0].may_halve == had.may_halve
            assert len(found[1]["report"]) == (60 if had.may_halve else 120)


def test_images_that_a_run_left_out_may_be_there_or_gone() -> None:
    images, gone = image_set(), ("train/7.png", "report/9.png")
    fewer = without(images, gone)
    assert fewer.official == {"train": range(199), "report": range(199, 318)}
    for now in (images, fewer):
        found = as_recorded(now, 0, record(fewer, gone))
        assert found is not None
        assert list(found[0].names) == list(fewer.names)
        shades = [found[0].read(i).getpixel((0, 0)) for i in (6, 7, 199)]
        assert shades == [(shade,) * 3 for shade in (6, 8, 200)]
        assert found[0].labels[[6, 7, 199]].tolist() == [0, 2, 2]


@pytest.mark.parametrize("moved_to", ["NFC", "NFD"])
def test_names_may_be_in_another_unicode_form(moved_to: Literal["NFC", "NFD"]) -> None:
    """As macOS and Linux store them, which order such classes differently, too."""

    def stored(form: Literal["NFC", "NFD"]) -> ImageSet:
        names = [
            normalize(form, name.replace("train", "\u00e9t\u00e9")) for name in image_set().names
        ]
        classes = tuple(
            sorted(normalize(form, name) for name in ("\u00e9t\u00e9", "f\u00eate", "z"))
        )
        labels = torch.tensor([classes.index(normalize(form, "z"))] * len(names))
        labels[::2] = classes.index(normalize(form, "\u00e9t\u00e9"))
        labels[::3] = classes.index(normalize(form, "f\u00eate"))
        return dataclasses.replace(image_set(), names=names, classes=classes, labels=labels)

    before = stored("NFD" if moved_to == "NFC" else "NFC")
    assert stored(moved_to).labels.tolist() != before.labels.tolist()
    found = as_recorded(stored(moved_to), 0, record(before))
    assert found is not None
    assert found[0].classes == before.classes
    assert found[0].labels.tolist() == before.labels.tolist()


def test_other_images_are_not_those_of_the_run() -> None:
    images = image_set()
    assert as_recorded(images, 1, record(images)) is None  # another seed
    assert as_recorded(image_set(201), 0, record(images)) is None
    other = dataclasses.replace(images, classes=("1", "2", "x"))
    found = as_recorded(other, 0, record(images))
    assert found is None or found[0].classes != images.classes
