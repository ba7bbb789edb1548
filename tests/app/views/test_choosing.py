from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from app.opening import Source
from planner import Limits, select

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
    assert page.caption[0].value == "test CPU"


def test_percentile_and_margin_change_the_choice(open_page: Open, source: Source) -> None:
    page = open_page("front", {"test CPU": source}, budget=3.0, percentile="p99", margin=1.0)
    limits = Limits(max_latency_ms=3.0, percentile="p99", margin=1.0)
    expected = select(source.table, limits)
    assert page.subheader[0].value == f"Chosen: {expected.config_id}"
    assert expected != select(source.table, Limits(max_latency_ms=3.0))
