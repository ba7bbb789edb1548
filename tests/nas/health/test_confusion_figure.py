import pytest

from nas.health.confusion import Confusion
from nas.health.confusion_figure import MAX_CLASSES, MAX_WITH_NUMBERS, confusion_figure


def confusion_of(num_classes: int) -> Confusion:
    """The last class is the worst."""
    names = tuple(f"class {label}" for label in range(num_classes))
    counts = {(label, label): 1000 - label for label in range(num_classes)}
    return Confusion(classes=names, counts=counts | {(num_classes - 1, 0): 100})


@pytest.mark.parametrize("num_configs", [1, 2, 4])
def test_each_config_has_its_accuracies_and_its_matrix(num_configs: int) -> None:
    figure = confusion_figure(
        {f"w1-r{side}": confusion_of(4) for side in range(8, 8 + num_configs)}
    )
    scatters, matrices = figure.data[::2], figure.data[1::2]
    assert [each.name for each in scatters] == [f"w1-r{side}" for side in range(8, 8 + num_configs)]
    assert list(scatters[0].y[:3]) == [1, 1, 1]
    assert scatters[0].error_y.arrayminus[3] > 0
    assert list(matrices[0].y) == list(matrices[0].x) == [f"class {label}" for label in range(4)]
    last = [count / 1097 for count in (100, 0, 0, 997)]
    assert [list(row) for row in matrices[-1].z][-1] == last
    assert list(matrices[0].text[-1]) == [100, 0, 0, 997]
    assert matrices[0].texttemplate == "%{text}"


def test_of_many_classes_the_worst_are_shown_and_the_others_are_one_column() -> None:
    each = confusion_of(MAX_CLASSES + 20)
    matrix = confusion_figure({"w1-r8": each}).data[1]
    names = [f"class {MAX_CLASSES + 19}", *(f"class {label}" for label in range(MAX_CLASSES - 1))]
    assert sorted(matrix.y) == sorted(names)
    assert matrix.x[-1] == "(others)"
    assert all(len(row) == MAX_CLASSES + 1 for row in matrix.z)
    assert all(sum(row) == pytest.approx(1) for row in matrix.z)
    assert len(each.classes) > MAX_WITH_NUMBERS
    assert matrix.texttemplate is None
    assert (
        f"the {MAX_CLASSES} worst" in confusion_figure({"w1-r8": each}).layout.annotations[0].text
    )


def test_a_class_without_images_has_no_point_and_an_empty_row() -> None:
    figure = confusion_figure({"w1-r8": Confusion(classes=("a", "b"), counts={(1, 0): 2})})
    assert list(figure.data[0].x) == ["b"]
    assert [list(row) for row in figure.data[1].z] == [[0, 0], [1, 0]]
