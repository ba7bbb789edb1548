import pytest

from supernet.elastic.widths import share_widths
from supernet.tracing import Group


def groups(*positions: int) -> list[Group]:
    return [Group(size=8, unit=1, layers=("x",), num_positions=p) for p in positions]


@pytest.mark.parametrize(
    ("how", "expected"),
    [("one", (0, 0, 0, 0, 0)), ("layer", (0, 1, 2, 3, 4)), ("stage", (0, 0, 1, 1, 2))],
)
def test_groups_share_widths(how: str, expected: tuple[int, ...]) -> None:
    assert share_widths(groups(56 * 56, 56 * 56, 28 * 28, 1, 49), how) == expected


def test_tokens_and_patches_of_nearly_one_number_are_one_stage() -> None:
    assert share_widths(groups(196, 197, 197), "stage") == (0, 0, 0)
