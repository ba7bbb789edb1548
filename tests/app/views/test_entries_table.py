from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from app.opening import Source
from app.quantities import P50

Open = Callable[..., AppTest]


def test_all_entries_are_listed_below_the_chart(open_page: Open, source: Source) -> None:
    page = open_page("front", {"test CPU": source})
    frame = page.dataframe[0].value
    assert frame["Config"].tolist() == list(source.table.by_config_id)
    assert frame[P50.label].tolist() == [entry.latency.p50_ms for entry in source.table]
