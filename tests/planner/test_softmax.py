import numpy as np
import pytest

from planner import InvalidValue, class_probabilities


def test_the_most_probable_class_comes_first_and_the_shares_add_up_to_one() -> None:
    logits = np.log(np.array([0.2, 0.7, 0.1], np.float32)) + 1000
    found = class_probabilities(["cat", "dog", "hen"], logits)
    assert [name for name, _ in found] == ["dog", "cat", "hen"]
    assert [share for _, share in found] == pytest.approx([0.7, 0.2, 0.1], rel=1e-3)
    assert sum(share for _, share in found) == pytest.approx(1)


def test_among_equals_the_first_class_wins_as_in_evaluation() -> None:
    found = class_probabilities(["cat", "dog"], np.zeros(2, np.float32))
    assert found == [("cat", 0.5), ("dog", 0.5)]


def test_each_class_needs_its_logit() -> None:
    with pytest.raises(InvalidValue, match=r"the shape \(2,\), one for each class, but got \(1, 2"):
        class_probabilities(["cat", "dog"], np.zeros((1, 2)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_logits_that_are_not_numbers_are_refused(bad: float) -> None:
    with pytest.raises(InvalidValue, match="`logits` must be finite"):
        class_probabilities(["cat", "dog"], np.array([0.0, bad], np.float32))
    found = class_probabilities(["cat", "dog"], np.array([0.0, -np.inf], np.float32))
    assert found == [("cat", 1.0), ("dog", 0.0)]
