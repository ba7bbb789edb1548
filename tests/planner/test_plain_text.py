import pytest

from planner.plain_text import in_csv, in_html, in_markdown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("AMD EPYC, 2.5 GHz (2 threads)", "AMD EPYC, 2.5 GHz (2 threads)"),
        ("![x](http://a.b/c.png)", "\\!\\[x\\](http\u2060\\://a.b/c.png)"),
        ("www.a.b", "www\u2060.a.b"),
        ("a@b.c", "a\u2060@b.c"),
        ("12. Pro", r"12\. Pro"),
        ("- Pro", r"\- Pro"),
        ("a\n\n# b", r"a \# b"),
        ("<b>$x$", r"\<b\>\$x\$"),
    ],
)
def test_markdown_shows_the_text_itself(text: str, shown: str) -> None:
    assert in_markdown(text) == shown


def test_html_shows_the_text_itself() -> None:
    assert in_html('<a href="x">a & b</a>') == '&lt;a href="x"&gt;a &amp; b&lt;/a&gt;'


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_cell_that_begins_like_a_formula_is_text(text: str) -> None:
    assert in_csv(text) == "'" + text


def test_other_cells_stay_as_they_are() -> None:
    assert [in_csv(value) for value in ("w1-r28", -1.5, None, "")] == ["w1-r28", -1.5, None, ""]
