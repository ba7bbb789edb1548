from collections.abc import Callable
from dataclasses import replace

from streamlit.testing.v1 import AppTest

from app.opening import Source
from app.quantities import TOP1

Open = Callable[..., AppTest]


def test_a_config_against_the_largest(open_page: Open, source: Source) -> None:
    page = open_page("network", {"test CPU": source})
    entry = source.table.entries[3]
    page.selectbox(key="config").set_value(entry.config_id).run()
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
