from collections.abc import Callable
from dataclasses import replace

from streamlit.testing.v1 import AppTest

from app.opening import Source
from app.quantities import TOP1
from planner import Limits, select

Open = Callable[..., AppTest]


def test_a_config_against_the_largest(open_page: Open, source: Source) -> None:
    page = open_page("network", {"test CPU": source})
    entry = source.table.entries[3]
    page.selectbox(key="network_config").set_value(entry.config_id).run()
    assert page.metric[0].value == TOP1.shown(entry.accuracy.top1)
    assert page.metric[4].value == f"{entry.config.resolution} px"
    assert any("2 channel groups keep" in text.value for text in page.markdown)
    assert any("the largest candidate" in text.value for text in page.caption)


def test_one_width_for_all_layers(open_page: Open, source: Source) -> None:
    entries = tuple(entry.with_values(width_mults=(1.0,)) for entry in source.table)
    uniform = replace(source, table=replace(source.table, entries=entries), candidates=entries)
    page = open_page("network", {"test CPU": uniform})
    assert any("Every layer keeps the first **100 %**" in text.value for text in page.markdown)
    assert not any("the largest candidate" in text.value for text in page.caption)


def test_it_shows_the_entry_to_ship(open_page: Open, source: Source) -> None:
    entry = select(source.table, Limits(max_latency_ms=3.0))
    page = open_page("network", {"test CPU": source}, address_view={"budget": 3.0})
    assert page.selectbox(key="network_config").value == entry.config_id
    picked = source.table.entries[0].config_id
    page = open_page("network", {"test CPU": source}, address_view={"config": picked})
    assert page.selectbox(key="network_config").value == picked
    page.selectbox(key="network_config").set_value(entry.config_id).run()
    assert page.session_state["address_view"]["config"] == entry.config_id
