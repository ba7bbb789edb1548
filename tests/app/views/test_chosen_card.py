from app.opening import Source
from app.quantities import points
from app.views.choosing import Choice
from app.views.chosen_card import gain, more_ms
from planner import Limits, Selector


def test_more_is_a_millisecond_or_less_where_the_front_is_short(source: Source) -> None:
    assert more_ms(Selector(source.table.entries)) == 1.0
    assert more_ms(Selector(source.table.entries[:5])) < 1.0


def test_a_millisecond_more_is_what_the_selector_says(source: Source) -> None:
    selector = Selector(source.table.entries)
    entry = selector.select(1.0)
    text = gain(Choice(Limits(max_latency_ms=1.0), selector, entry, ""), entry)
    gained = selector.select(2.0).accuracy.top1 - entry.accuracy.top1
    assert gained > 0
    assert text.startswith(f"**1 ms more: {points(gained, sign=True)}.**")
    best = selector.front[-1]
    assert "gains nothing" in gain(Choice(Limits(max_latency_ms=1e3), selector, best, ""), best)
