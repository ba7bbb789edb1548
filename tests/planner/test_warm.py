import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner import InvalidValue
from planner.warm import warm_set

SIZES = {"a": 10, "b": 30, "c": 60, "d": 100}


def test_the_running_entry_the_fastest_and_its_neighbours_are_held() -> None:
    assert warm_set(SIZES, "d", 150) == ["d", "a", "b"]
    assert warm_set(SIZES, "b", 150) == ["b", "a", "c"]
    assert warm_set(SIZES, "a", 1000) == ["a", "b", "c", "d"]
    assert warm_set(SIZES, "d", 100) == ["d"]


@given(st.lists(st.integers(1, 100), min_size=1, max_size=8), st.floats(1, 3), st.data())
def test_held_entries_fit_the_memory_limit(
    sizes: list[int], ratio: float, data: st.DataObject
) -> None:
    names = {f"n{index}": size for index, size in enumerate(sorted(sizes))}
    running = data.draw(st.sampled_from(sorted(names)))
    held = warm_set(names, running, ratio * max(sizes))
    assert running in held
    assert len(set(held)) == len(held)
    assert sum(names[name] for name in held) <= ratio * max(sizes)


def test_an_unknown_running_entry_is_refused() -> None:
    with pytest.raises(InvalidValue, match="must be one of a, b, c, d, but got e"):
        warm_set(SIZES, "e", 1)
