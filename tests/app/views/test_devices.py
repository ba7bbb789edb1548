from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from app.opening import Source
from app.quantities import P50

Open = Callable[..., AppTest]


def test_one_config_on_all_devices(open_page: Open, sources: dict[str, Source]) -> None:
    page = open_page("devices", sources)
    config_id = next(iter(sources.values())).table.entries[7].config_id
    page.selectbox(key="config").set_value(config_id).run()
    shown = [metric.value for metric in page.metric]
    assert shown == [
        P50.shown(source.table.by_config_id[config_id].latency.p50_ms)
        for source in sources.values()
    ]
    assert any("pairs of configs compared with test CPU" in text.value for text in page.markdown)


def test_one_device_says_how_to_get_another(open_page: Open, source: Source) -> None:
    page = open_page("devices", {"test CPU": source})
    assert "nas.measure" in page.code[0].value
