import csv
import io

import pytest
import torch
from torch import Tensor

from nas.health.confusion import NUM_TAKEN_FOR, Confusion, confusion, to_csv
from supernet.evaluate.accuracy import wilson

CLASSES = ("cat", "dog", "hen", "owl")
LABELS = torch.tensor([0, 0, 0, 1, 1, 3])
PREDICTED = torch.tensor([0, 1, 1, 1, 2, 0])


def logits(images: Tensor) -> Tensor:
    """Networks see the predictions that the tests want in their images."""
    return torch.nn.functional.one_hot(images[:, 0, 0, 0].long(), len(CLASSES)).float()


def example() -> Confusion:
    images = PREDICTED.float().reshape(-1, 1, 1, 1)
    batches = [(images[:2], LABELS[:2]), (images[2:], LABELS[2:])]
    return confusion(logits, batches, CLASSES)


def test_all_images_of_all_batches_are_counted_by_class_and_prediction() -> None:
    assert example().counts == {(0, 0): 1, (0, 1): 2, (1, 1): 1, (1, 2): 1, (3, 0): 1}


def test_each_class_has_its_top1_with_an_interval_and_what_it_is_taken_for() -> None:
    cat, dog, hen, owl = example().by_class()
    low, high = wilson(1 / 3, 3)
    assert cat == {
        "class": "cat",
        "num_images": 3,
        "num_correct": 1,
        "top1": 0.3333,
        "top1_low": round(low, 4),
        "top1_high": round(high, 4),
        "taken_for": {"dog": 2},
    }
    assert (dog["top1"], dog["taken_for"]) == (0.5, {"hen": 1})
    assert (hen["num_images"], hen["top1"], hen["top1_low"], hen["taken_for"]) == (
        0,
        None,
        None,
        {},
    )
    assert (owl["top1"], owl["top1_low"]) == (0, 0)
    assert owl["top1_high"] > 0.5


def test_the_wrong_classes_predicted_most_often_come_first() -> None:
    counts = {(0, wrong): wrong for wrong in range(1, 10)} | {(0, 0): 5}
    names = tuple(f"class {label}" for label in range(10))
    record = Confusion(classes=names, counts=counts).by_class()[0]
    assert record["num_images"] == 50
    assert list(record["taken_for"].items())[:2] == [("class 9", 9), ("class 8", 8)]
    assert len(record["taken_for"]) == NUM_TAKEN_FOR


def test_the_csv_has_all_counts_by_name() -> None:
    names = ("a,b", 'c"d', "e", "f")
    text = to_csv({"w1-r8": Confusion(classes=names, counts=example().counts)})
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [tuple(row.values()) for row in rows] == [
        ("w1-r8", names[label], names[predicted], str(count))
        for (label, predicted), count in example().counts.items()
    ]


def test_json_values_are_read_back() -> None:
    assert Confusion.from_json(example().to_json()) == example()


@pytest.mark.parametrize("num_classes", [1, 3])
def test_a_network_that_is_always_right_confuses_nothing(num_classes: int) -> None:
    counts = {(label, label): 4 for label in range(num_classes)}
    each = Confusion(classes=tuple("abc"[:num_classes]), counts=counts)
    assert all(record["top1"] == 1 and not record["taken_for"] for record in each.by_class())
