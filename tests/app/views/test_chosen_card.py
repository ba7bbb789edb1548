from collections.abc import Callable
from dataclasses import replace

from streamlit.testing.v1 import AppTest

from app.opening import Source
from app.quantities import MACS, P50, P99, TOP1
from planner import Limits, select

Open = Callable[..., AppTest]


def test_the_card_shows_the_limited_percentile_with_help(open_page: Open, source: Source) -> None:
    page = open_page("front", {"test CPU": source}, budget=3.0, percentile="p99")
    entry = select(source.table, Limits(max_latency_ms=3.0, percentile="p99"))
    shown = [metric.value for metric in page.metric]
    assert shown == [
        TOP1.shown(entry.accuracy.top1),
        P99.shown(entry.latency.p99_ms),
        MACS.shown(entry.macs),
        f"{entry.config.resolution} px",
    ]
    assert all(metric.help for metric in page.metric)
    assert any(P50.shown(entry.latency.p50_ms) in caption.value for caption in page.caption)


def test_what_a_larger_and_a_smaller_budget_bring(open_page: Open, source: Source) -> None:
    page = open_page("front", {"test CPU": source}, budget=3.0)
    texts = " ".join(text.value for text in page.markdown)
    assert "ms more" in texts
    assert "loses" in texts


def test_ties_are_told(open_page: Open, source: Source) -> None:
    one, two, *rest = source.table.entries
    table = replace(source.table, entries=(replace(one, tied_with=(two.config_id,)), two, *rest))
    tied = replace(source, table=table, candidates=table.entries)
    page = open_page("front", {"test CPU": tied}, address_view={"config": one.config_id})
    assert any("does not differ significantly" in text.value for text in page.caption)
