"""The URL and the view, in AppTest: a page with a number, a choice and what else there is."""

import pytest
from streamlit.testing.v1 import AppTest

from app.address import one_of, positive, up_to, whole


def draw() -> None:
    import streamlit as st

    from app import address

    address.enter()
    address.prepare("budget", address.positive, 5.0)
    address.keep("budget", st.number_input("Budget", key="budget"))
    if st.session_state.get("page", "first") == "first":
        known = ["p50", "p90"]
        address.prepare("percentile", address.one_of(known, "a percentile"), "p50", known=known)
        chosen = st.selectbox("Percentile", known, key="percentile")
        address.keep("percentile", None if chosen == "p50" else chosen)
    address.publish()
    address.show_notes()


def start(**values: str) -> AppTest:
    page = AppTest.from_function(draw)
    for name, text in values.items():
        page.query_params[name] = text
    page.run()
    assert not page.exception
    return page


def url(page: AppTest) -> dict[str, str]:
    return {n: t if isinstance(t, str) else t[0] for n, t in page.query_params.items()}


def test_the_url_has_the_view() -> None:
    page = start()
    assert url(page) == {"budget": "5"}
    page.number_input(key="budget").set_value(0.1).run()
    page.selectbox(key="percentile").set_value("p90").run()
    assert url(page) == {"budget": "0.1", "percentile": "p90"}


def test_a_shared_url_is_the_view() -> None:
    page = start(budget="0.25", percentile="p90")
    assert page.number_input(key="budget").value == 0.25
    assert page.selectbox(key="percentile").value == "p90"
    assert not page.warning


@pytest.mark.parametrize("text", ["5ms", "", "nan", "-1", "0", "inf", "1e12"])
def test_a_value_that_cannot_be_read_is_told(text: str) -> None:
    """It became 0.000001 ms without a word."""
    page = start(budget=text)
    assert page.number_input(key="budget").value == 5.0
    (warning,) = page.warning
    assert "must be a number above 0" in warning.value
    assert "shows 5 instead" in warning.value
    page.number_input(key="budget").set_value(6.0).run()
    assert not page.warning


def test_an_unknown_choice_and_an_unknown_name_are_told() -> None:
    page = start(percentile="p42", budgget="5")
    assert page.selectbox(key="percentile").value == "p50"
    said = " ".join(warning.value for warning in page.warning)
    assert "p42" in said
    assert "budgget" in said


def test_going_back_restores_the_view_before() -> None:
    page = start(budget="1")
    page.number_input(key="budget").set_value(2.0).run()
    page.selectbox(key="percentile").set_value("p90").run()
    page.query_params.clear()
    page.query_params["budget"] = "1"
    page.run()
    assert page.number_input(key="budget").value == 1.0
    assert page.selectbox(key="percentile").value == "p50"


def test_a_link_to_another_page_carries_the_view() -> None:
    page = start(budget="1", percentile="p90")
    page.session_state["page"] = "second"
    page.query_params.clear()
    page.run()
    assert page.number_input(key="budget").value == 1.0
    assert url(page) == {"budget": "1", "percentile": "p90"}
    page.session_state["page"] = "first"
    page.query_params.clear()
    page.run()
    assert page.selectbox(key="percentile").value == "p90"


def test_values_of_other_pages_stay_in_the_url() -> None:
    assert url(start(k="3", weight2="4")) == {"budget": "5", "k": "3", "weight2": "4"}


def test_numbers_are_read_exactly_or_not_at_all() -> None:
    assert positive("1e-3") == 0.001
    assert up_to(10)("0") == 0.0
    assert whole(1, 12)("12") == 12
    for read, text in (
        (up_to(10), "11"),
        (whole(1, 12), "13"),
        (whole(1, 12), "1.5"),
        (whole(0, 10), "0" * 20 + "99"),
    ):
        with pytest.raises(ValueError, match="number from"):
            read(text)
    with pytest.raises(ValueError, match="an open table"):
        one_of(["a"], "an open table")("b")
