from collections.abc import Callable
from dataclasses import replace

from streamlit.testing.v1 import AppTest

from app.opening import Source

Open = Callable[..., AppTest]


def test_comparing_two_tables_counts_the_changed_configs(
    open_page: Open, sources: dict[str, Source]
) -> None:
    page = open_page("compare", sources)
    assert [metric.value for metric in page.metric] == [
        "0 configs",
        "0 configs",
        "40 configs",
        "0 / 0",
    ]
    assert "different targets" in page.info[0].value
    page.selectbox(key="new").set_value("test CPU").run()
    assert page.metric[1].value == "40 configs"


def test_tables_without_a_shared_config_are_warned_about(
    open_page: Open, sources: dict[str, Source]
) -> None:
    first, second = sources.values()
    renamed = tuple(entry.with_values(config_id="x" + entry.config_id) for entry in second.table)
    other = replace(second, table=replace(second.table, entries=renamed))
    page = open_page("compare", {"one": first, "two": other})
    assert "no config in common" in page.warning[0].value


def test_one_table_says_how_to_open_two(open_page: Open, source: Source) -> None:
    assert "OLD.json NEW.json" in open_page("compare", {"one": source}).code[0].value
