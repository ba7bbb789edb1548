import pytest
from streamlit.testing.v1 import AppTest

from app.views import planning
from planner import make_plans


def draw(tables: object) -> None:
    import streamlit as st

    from app.views.planning import plans_of

    plans = plans_of(tables, (1.0, 1.0), None, 3)  # type: ignore[arg-type]
    st.text(" ".join(plans[-1].config_ids))


def test_the_plans_are_the_planner_s(sources: dict[str, object]) -> None:
    tables = tuple(source.table for source in sources.values())  # type: ignore[attr-defined]
    page = AppTest.from_function(draw, args=(tables,)).run()
    assert not page.exception
    assert page.text[0].value == " ".join(make_plans(tables, 3)[-1].config_ids)


def test_a_bar_shows_how_far_it_is(
    sources: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[int, int]] = []
    monkeypatch.setattr(planning, "_show", lambda _, done, most: shown.append((done, most)))
    tables = tuple(source.table for source in sources.values())  # type: ignore[attr-defined]
    page = AppTest.from_function(draw, args=(tables,)).run()
    assert not page.exception
    assert shown == [(0, 3), (1, 3), (2, 3), (3, 3)]
    page.run()
    assert len(shown) == 4
