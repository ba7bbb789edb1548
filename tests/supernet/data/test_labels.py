from types import SimpleNamespace

import pytest
import torch

from supernet.data.labels import check_labels, class_names, labels_of
from supernet.errors import DataError


class Pairs(list[tuple[str, object]]):
    """A dataset of (image, label)."""


def test_listed_labels_are_taken_as_they_are() -> None:
    listed = Pairs([("image", 9)] * 3)
    listed.targets = [2, 0, 1]  # type: ignore[attr-defined]
    assert labels_of(listed, "a set").tolist() == [2, 0, 1]


def test_labels_that_are_not_listed_are_read() -> None:
    assert labels_of(Pairs([("a", 1), ("b", 0)]), "a set").tolist() == [1, 0]
    assert labels_of(Pairs([("a", torch.tensor(1))]), "a set").tolist() == [1]


@pytest.mark.parametrize("label", [0.5, "cat", [0, 1], -1])
def test_other_labels_are_refused(label: object) -> None:
    with pytest.raises(DataError, match="a set: "):
        labels_of(Pairs([("image", label)]), "a set")


def test_class_names_are_the_sets_own_or_numbers() -> None:
    assert class_names(SimpleNamespace(classes=[("cat", "kitty"), "dog"]), 2) == ("cat", "dog")
    assert class_names(SimpleNamespace(), 3) == ("0", "1", "2")


def test_labels_that_begin_at_1_are_refused() -> None:
    check_labels(torch.tensor([2, 0, 1]), torch.tensor([2, 0, 1]), "a set")
    with pytest.raises(DataError, match=r"a set: labels count from 0, but .* begin at 1"):
        check_labels(torch.tensor([1, 3, 2]), torch.tensor([0, 1, 2]), "a set")


@pytest.mark.parametrize("highest", [3, 10**9])
def test_labels_with_gaps_are_refused_before_they_fill_the_memory(highest: int) -> None:
    for train, all_ in (([0, 1, highest], [0, 1, highest]), ([0, 1, 2], [0, 1, 2, highest])):
        with pytest.raises(DataError, match=f"without gaps, but one is {highest}, with 3 training"):
            check_labels(torch.tensor(train), torch.tensor(all_), "a set")
