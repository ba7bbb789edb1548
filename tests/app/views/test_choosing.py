from collections.abc import Callable
from dataclasses import replace

from streamlit.testing.v1 import AppTest

from app.opening import Source
from planner import Limits, Selector, select

Open = Callable[..., AppTest]


def test_a_device_is_chosen_where_there_are_several(
    open_page: Open, sources: dict[str, Source]
) -> None:
    page = open_page("front", sources, budget=6.0)
    for name, source in sources.items():
        page.selectbox(key="device").set_value(name).run()
        expected = select(source.table, Limits(max_latency_ms=6.0))
        assert page.subheader[0].value == f"Chosen: {expected.config_id}"


def test_one_device_needs_no_choice(open_page: Open, source: Source) -> None:
    page = open_page("front", {"test CPU": source})
    assert "device" not in [box.key for box in page.selectbox]
    assert "test CPU" in [caption.value for caption in page.caption]


def test_percentile_and_margin_change_the_choice(open_page: Open, source: Source) -> None:
    page = open_page("front", {"test CPU": source}, budget=3.0, percentile="p99", margin=1.0)
    limits = Limits(max_latency_ms=3.0, percentile="p99", margin=1.0)
    expected = select(source.table, limits)
    assert page.subheader[0].value == f"Chosen: {expected.config_id}"
    assert expected != select(source.table, Limits(max_latency_ms=3.0))


def test_one_entry_is_chosen_at_once(open_page: Open, source: Source) -> None:
    """The budget in the middle of the slider left out the only entry."""
    table = replace(source.table, entries=source.table.entries[:1])
    single = replace(source, table=table, candidates=table.entries)
    page = open_page("front", {"test CPU": single})
    assert page.subheader[0].value == f"Chosen: {table.entries[0].config_id}"
    assert not page.warning


def test_a_budget_beyond_the_slider_is_on_it(open_page: Open, source: Source) -> None:
    page = open_page("front", {"test CPU": source}, budget=5000.0)
    assert page.select_slider(key="drag").value == 5000.0
    page.select_slider(key="drag").set_value(5000.0).run()
    assert page.number_input(key="budget").value == 5000.0


def test_a_picked_entry_stays_until_a_limit_changes(open_page: Open, source: Source) -> None:
    """A click on a dominated point chose another config."""
    by_id = source.table.by_config_id
    front = {entry.config_id for entry in Selector(source.table.entries).front}
    dominated = next(name for name in by_id if name not in front)
    view = {"budget": 3.0, "config": dominated}
    page = open_page("front", {"test CPU": source}, address_view=view)
    assert page.subheader[0].value == f"Chosen: {dominated}"
    assert "You picked" in page.warning[0].value
    page.number_input(key="budget").set_value(2.0).run()
    assert page.subheader[0].value == (
        f"Chosen: {select(source.table, Limits(max_latency_ms=2.0)).config_id}"
    )
    assert "config" not in page.session_state["address_view"]


def draw_picks(sources: dict[str, object], name: str) -> None:
    import streamlit as st

    from app.views.choosing import choice_of_view, pick

    (source,) = sources.values()
    st.button("pick", on_click=pick, args=(name, source))
    choice = choice_of_view(source)  # type: ignore[arg-type]
    st.text(choice.entry.config_id if choice.entry else "")
    st.text(choice.picked)
    st.text(st.session_state.get("notice", ""))


def test_what_is_clicked_is_chosen(source: Source) -> None:
    front = {entry.config_id for entry in Selector(source.table.entries).front}
    for entry in source.table.entries[::4]:
        arguments = ({"test CPU": source}, entry.config_id)
        page = AppTest.from_function(draw_picks, args=arguments).run()
        page.button[0].click().run()
        assert not page.exception
        assert page.text[0].value == entry.config_id
        assert page.text[1].value == str(entry.config_id not in front)


def test_a_candidate_outside_the_table_is_told(source: Source) -> None:
    page = AppTest.from_function(draw_picks, args=({"test CPU": source}, "other")).run()
    page.button[0].click().run()
    assert "not in the table" in page.text[2].value


def test_an_unknown_device_is_told(open_page: Open, sources: dict[str, Source]) -> None:
    """It silently showed another."""
    page = open_page("front", sources, address_unread={"device": "phone"})
    assert page.selectbox(key="device").value == "test CPU"
    (note,) = page.session_state["address_notes"]
    assert "'phone'" in note
    assert "test CPU" in note


def test_one_of_many_configs_is_told_by_their_number(open_page: Open, source: Source) -> None:
    page = open_page("front", {"test CPU": source}, address_unread={"config": "w9"})
    assert "config = 'w9'" in page.session_state["address_notes"][0]
    assert not page.warning


def test_an_entry_picked_beyond_all_limits_is_shown_with_a_warning(
    open_page: Open, source: Source
) -> None:
    picked = source.table.entries[5].config_id
    for page in ("front", "export"):
        view = {"config": picked, "max_macs": 1e-6}
        shown = open_page(page, {"test CPU": source}, address_view=view)
        texts = [text.value for text in (*shown.warning, *shown.markdown)]
        assert any("no entry meets the limits" in text for text in texts)
