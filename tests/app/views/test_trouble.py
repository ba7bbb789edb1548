from pathlib import Path

from streamlit.testing.v1 import AppTest


def draw(message: str, paths: list[object]) -> None:
    from app.views import trouble

    trouble.show_error(message, paths)  # type: ignore[arg-type]
    trouble.show_empty()


def test_it_says_what_is_wrong_and_what_to_do() -> None:
    page = AppTest.from_function(draw, args=("x.json: it is damaged", [Path("x.json")])).run()
    assert not page.exception
    assert page.error[0].value == "x.json\\: it is damaged"
    assert any("x.json" in text.value for text in page.markdown)
    assert all("nas.search" in code.value for code in page.code)
