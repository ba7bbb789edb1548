from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from app.opening import Source
from app.quantities import P50
from planner import Limits, select

Open = Callable[..., AppTest]


def test_one_config_on_all_devices(open_page: Open, sources: dict[str, Source]) -> None:
    page = open_page("devices", sources)
    config_id = next(iter(sources.values())).table.entries[7].config_id
    page.selectbox(key="devices_config").set_value(config_id).run()
    shown = [metric.value for metric in page.metric]
    assert shown == [
        P50.shown(source.table.by_config_id[config_id].latency.p50_ms)
        for source in sources.values()
    ]
    assert any("pairs of configs compared with test CPU" in text.value for text in page.markdown)


def test_one_device_says_how_to_get_another(open_page: Open, source: Source) -> None:
    page = open_page("devices", {"test CPU": source})
    assert "nas.measure" in page.code[0].value


def test_it_shows_the_entry_to_ship(open_page: Open, sources: dict[str, Source]) -> None:
    entry = select(next(iter(sources.values())).table, Limits(max_latency_ms=3.0))
    page = open_page("devices", sources, address_view={"budget": 3.0})
    assert page.selectbox(key="devices_config").value == entry.config_id


def test_a_device_s_name_is_text(open_page: Open, sources: dict[str, Source]) -> None:
    hostile = dict(zip(("![x](http://a.b/c)", "b"), sources.values(), strict=True))
    page = open_page("devices", hostile)
    assert page.caption[0].value.startswith("\\!")
    assert not any("![x]" in text.value for text in page.markdown)
