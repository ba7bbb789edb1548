import dataclasses

import pytest
import torch
from PIL import Image

from supernet.data.sources import ImageSet, lay_out
from supernet.data.splits import SPLITS, require_clear, split_images, split_notes
from supernet.errors import DataError


def image_set(counts: dict[str, int], **official: int) -> ImageSet:
    """Return `counts` training images of each class, then `official` images of mixed classes."""
    labels = [label for label, count in enumerate(counts.values()) for _ in range(count)]
    sizes = {"train": len(labels)} | official
    labels += [i % len(counts) for i in range(sum(official.values()))]
    return ImageSet(
        name="made",
        classes=tuple(counts),
        labels=torch.tensor(labels),
        names=[f"image {i}" for i in range(len(labels))],
        official=lay_out(sizes),
        open=lambda index: Image.new("RGB", (1, 1)),
    )


def test_three_splits_are_disjoint_and_calibration_is_of_train() -> None:
    images = image_set({"a": 300, "b": 100})
    splits = split_images(images, seed=0)
    assert tuple(splits) == SPLITS
    indices = {split: set(part.tolist()) for split, part in splits.items()}
    assert indices["train"] | indices["selection"] | indices["report"] == set(range(400))
    assert sum(len(indices[split]) for split in ("train", "selection", "report")) == 400
    assert indices["calibration"] <= indices["train"]


def test_what_is_carved_is_a_tenth_of_each_class() -> None:
    images = image_set({"a": 300, "b": 100, "rare": 4}, report=10)
    selection = split_images(images, seed=0)["selection"]
    assert torch.bincount(images.labels[selection]).tolist() == [30, 10, 1]


def test_no_more_than_ten_thousand_are_carved() -> None:
    images = image_set({"a": 60_000, "b": 60_000}, report=2)
    splits = split_images(images, seed=0)
    assert torch.bincount(images.labels[splits["selection"]]).tolist() == [5000, 5000]
    assert len(splits["calibration"]) == 2000


def test_the_first_images_of_calibration_are_of_all_classes() -> None:
    """In a folder's order they would be of one."""
    images = image_set({"a": 500, "b": 500, "c": 500})
    first = split_images(images, seed=0)["calibration"][:64]
    assert torch.bincount(images.labels[first]).min() > 10


def test_official_splits_are_kept() -> None:
    splits = split_images(image_set({"a": 20, "b": 20}, selection=6, report=8), seed=0)
    assert {split: len(part) for split, part in splits.items()} == {
        "train": 40,
        "calibration": 40,
        "selection": 6,
        "report": 8,
    }
    assert splits["report"].tolist() == list(range(46, 54))


def test_the_same_seed_gives_the_same_splits() -> None:
    images = image_set({"a": 100, "b": 100})
    first, again, other = (split_images(images, seed)["selection"] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_an_added_image_moves_few_others() -> None:
    images = image_set({"a": 100, "b": 100}, report=2)
    more = image_set({"a": 100, "b": 101}, report=2)  # image 200 is new, the report moves on
    before, after = (set(split_images(x, 0)["selection"].tolist()) for x in (images, more))
    assert len(before ^ after) <= 2


def test_the_order_of_images_does_not_matter() -> None:
    images = image_set({"a": 50, "b": 50})
    order = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    names = [images.names[i] for i in order.tolist()]
    shuffled = dataclasses.replace(images, labels=images.labels[order], names=names)
    for split in SPLITS:
        before = {images.names[i] for i in split_images(images, 0)[split].tolist()}
        assert before == {names[i] for i in split_images(shuffled, 0)[split].tolist()}


def test_splits_stay_the_same_from_release_to_release() -> None:
    splits = split_images(image_set({"a": 10, "b": 10}), seed=0)
    assert splits["selection"].tolist() == [2, 15]
    assert splits["report"].tolist() == [8, 17]


def test_too_few_images_are_refused_by_class() -> None:
    with pytest.raises(DataError, match="at least 2 training images, but 'b' has 1"):
        split_images(image_set({"a": 10, "b": 1}, report=4), seed=0)
    with pytest.raises(DataError, match="at least 3 training images, but 'a' has 2"):
        split_images(image_set({"a": 2, "b": 10}), seed=0)


def test_one_class_and_an_empty_split_are_refused() -> None:
    with pytest.raises(DataError, match="two classes or more"):
        split_images(image_set({"a": 10}), seed=0)
    with pytest.raises(DataError, match="'report' has none"):
        split_images(image_set({"a": 10, "b": 10}, report=0), seed=0)


def with_validation(num_train: int, num_val: int, may_halve: bool = True) -> ImageSet:
    images = image_set({"a": num_train // 2, "b": num_train - num_train // 2}, report=num_val)
    return dataclasses.replace(images, may_halve=may_halve)


@pytest.mark.parametrize(
    ("num_train", "num_val", "selection", "report"),
    [
        (240, 153, 77, 76),  # a tenth of 240 would be 24
        (240, 100, 50, 50),
        (240, 98, 24, 98),  # too few to halve
        (1000, 190, 100, 190),  # the training images give more
        (4000, 3000, 1500, 1500),
        (6000, 3000, 600, 3000),  # the training images give enough
        (60_000, 50_000, 6000, 50_000),
    ],
)
def test_a_validation_split_is_halved_where_few_would_select(
    num_train: int, num_val: int, selection: int, report: int
) -> None:
    images = with_validation(num_train, num_val)
    splits = split_images(images, seed=0)
    halved = len(splits["train"]) == num_train
    assert halved == (selection == num_val - report)
    found = len(splits["selection"]), len(splits["report"])
    assert found == pytest.approx((selection, report), abs=1)
    assert not set(splits["selection"].tolist()) & set(splits["report"].tolist())
    if halved:
        counts = [torch.bincount(images.labels[splits[part]]) for part in ("selection", "report")]
        assert (counts[0] - counts[1]).abs().max() <= 1
        assert any("split in two by seed" in note for note in split_notes(images, splits))
        assert not torch.equal(splits["report"], split_images(images, seed=1)["report"])


def test_a_test_split_is_reported_on_as_a_whole() -> None:
    images = with_validation(240, 153, may_halve=False)
    splits = split_images(images, seed=0)
    assert (len(splits["selection"]), len(splits["report"])) == (24, 153)
    (note,) = split_notes(images, splits)
    assert "only 24 images of train to select subnets with, too few" in note


EITHER = (
    "add a validation split of 200 or more, half of which reports accuracy, or validation and test "
    "splits of 100 or more each"
)
LEFT_WHOLE = (
    "add a test split of 100 or more, which leaves all validation images to select with, or "
    "validation images, to 200 or more"
)


@pytest.mark.parametrize(
    ("official", "may_halve", "advice"),
    [
        ({}, False, EITHER),
        ({"report": 100}, False, "add a validation split of 100 or more"),
        (
            {"report": 60},
            False,
            "add a validation split of 100 or more and test images, to 100 or more",
        ),
        ({"selection": 60, "report": 100}, False, "add validation images, to 100 or more"),
        ({"selection": 100, "report": 60}, False, "add test images, to 100 or more"),
        ({"selection": 100}, False, "add a test split of 100 or more"),
        (
            {"selection": 60, "report": 60},
            False,
            "add validation images, to 100 or more and test images, to 100 or more",
        ),
        ({"report": 60}, True, LEFT_WHOLE),  # named `val`, but too few to halve
        ({"report": 130}, True, LEFT_WHOLE),
    ],
)
def test_the_note_advises_what_is_not_there(
    official: dict[str, int], may_halve: bool, advice: str
) -> None:
    found = image_set({"a": 60, "b": 60}, **official)
    images = dataclasses.replace(found, may_halve=may_halve)
    note = split_notes(images, split_images(images, seed=0))[-1]
    assert note.endswith(f"too few to tell subnets apart (+-8 points or more): {advice}")


@pytest.mark.parametrize("num_train", [20, 200, 1000])
@pytest.mark.parametrize("either", [{"report": 200}, {"selection": 100, "report": 100}])
def test_who_follows_the_advice_is_told_no_other(num_train: int, either: dict[str, int]) -> None:
    """A validation split of 100 was advised, and halved: 50 to select subnets with."""
    found = image_set({"a": num_train // 2, "b": num_train // 2}, **either)
    images = dataclasses.replace(found, may_halve=len(either) == 1)
    notes = split_notes(images, split_images(images, seed=0))
    assert not any("too few" in note for note in notes)


def test_few_images_to_report_on_are_told() -> None:
    images = image_set({"a": 199, "b": 199})
    (note,) = split_notes(images, split_images(images, seed=0))
    assert note.startswith(
        "made: only 36 images of train to select subnets with and 40 images of train to report "
        "accuracy on, too few"
    )


@pytest.mark.parametrize("names", [("val", "eval"), ("evaluation", "train", "dev")])
def test_what_eval_means_beside_val_is_asked(names: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match=r"must have one name, .* rename those for testing"):
        require_clear(names, "made")
    require_clear(["eval", "evaluation", "train", "test"], "made")


def test_a_selection_of_enough_images_is_not_worth_a_word() -> None:
    images = image_set({"a": 20, "b": 20}, selection=100, report=100)
    assert split_notes(images, split_images(images, seed=0)) == ()
