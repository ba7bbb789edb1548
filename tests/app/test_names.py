from hypothesis import given
from hypothesis import strategies as st

from app.names import short, short_names


def test_a_long_name_loses_its_middle() -> None:
    assert short("w1-r28") == "w1-r28"
    text = "w" + "_0.25" * 40 + "-r28"
    assert len(short(text)) == 60
    assert short(text).startswith("w_0.25")
    assert short(text).endswith("-r28")


def test_names_that_look_alike_are_numbered() -> None:
    alike = ["a" * 50 + middle + "b" * 50 for middle in "xyz"]
    names = short_names([*alike, "c", alike[0]])
    assert len(names) == 4
    assert names["c"] == "c"
    assert [name[-3:] for name in names.values()][:3] == [" #1", " #2", " #3"]


@given(st.lists(st.text(alphabet="ab#1 ", min_size=1, max_size=12), max_size=8))
def test_different_names_stay_different(texts: list[str]) -> None:
    names = short_names(texts, 8)
    assert len(set(names.values())) == len(set(texts))
