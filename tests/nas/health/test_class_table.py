import io
from typing import Any

import pytest
from rich.console import Console

from nas.health.class_table import NUM_SHOWN, print_classes, worst_first
from nas.health.confusion import Confusion

IDS = ("w1-r224", "w0.625-r224", "w1-r128", "w0.625-r128")


def classes_of(num_classes: int, *, name: str = "class") -> dict[str, Any]:
    """A class is taken for the next one by as many of its 1000 images as its label says."""
    names = tuple(f"{name} {label}" for label in range(num_classes))
    counts = {(label, label): 1000 - label for label in range(num_classes)}
    counts |= {(label, (label + 1) % num_classes): label for label in range(1, num_classes)}
    each = Confusion(classes=names, counts=counts)
    return {config_id: each.by_class() for config_id in IDS}


def printed(classes: dict[str, Any], width: int) -> list[str]:
    out = io.StringIO()
    print_classes(classes, Console(file=out, width=width))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("num_classes", [2, 10, 1000])
def test_a_table_of_any_number_of_classes_has_room(num_classes: int, width: int) -> None:
    lines = printed(
        classes_of(num_classes, name="a rather long name of a class with number"), width
    )
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    assert len(lines) < 70
    assert "..." not in text
    assert not any(character not in text for character in "%.-")
    shown = IDS if width >= 80 else (IDS[0], IDS[-1])
    assert all(config_id in text for config_id in shown)
    worst = (1000 - num_classes + 1) / 10
    assert text.count(f"{worst:.1f} ") == len(shown)


def test_the_worst_classes_come_first_and_the_rest_is_left_out() -> None:
    title, head, *rows = printed(classes_of(25), 120)
    assert title.endswith(f"the {NUM_SHOWN} worst of 25 classes:")
    assert head.split()[:2] == ["class", "images"]
    assert [row[:8] for row in rows[:NUM_SHOWN]] == [f"class {24 - i}" for i in range(NUM_SHOWN)]
    assert rows[0].split()[2:6] == ["1,000", "97.6", "96-98", "97.6"]
    assert " ".join(rows[NUM_SHOWN:]).startswith(
        "most often confused by w1-r224: class 24 taken for class 0, 24 of 1000; class 23 taken"
    )


def test_a_class_without_images_comes_last_without_a_number() -> None:
    each = Confusion(classes=("[red]", "full"), counts={(1, 1): 3})
    assert worst_first(each.by_class()) == [1, 0]
    lines = printed({"w1-r8": each.by_class()}, 80)
    assert lines[-1].split() == ["[red]", "0", "-"]
