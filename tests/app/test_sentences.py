from app.opening import Source
from app.quantities import points
from app.sentences import beside_the_best, figures, gain, headline, loss, more_ms
from planner import Limits, Selector


def test_the_answer_is_one_sentence(source: Source) -> None:
    first, second = source.table.entries[:2]
    times = {"latency_p50_low_ms": 0.04, "latency_p50_high_ms": 0.2}
    small = first.with_values(
        config_id="w0.5-r16",
        top1=0.884,
        top1_low=0.870,
        top1_high=0.898,
        **times | {"latency_p50_ms": 0.044, "latency_p90_ms": 0.3, "latency_p99_ms": 0.5},
    )
    large = second.with_values(
        top1=0.9035,
        top1_low=0.89,
        top1_high=0.92,
        **times | {"latency_p50_ms": 0.1716, "latency_p90_ms": 0.3, "latency_p99_ms": 0.5},
    )
    selector = Selector([small, large])
    assert headline(small, Limits(max_latency_ms=0.05), selector) == (
        "Ship w0.5-r16: 88.4 % (\u00b11.4) in 0.0440 ms: 1.95 points below the most accurate, "
        "3.9 times as fast."
    )
    top = headline(large, Limits(max_latency_ms=1), selector)
    assert top.endswith("in 0.172 ms: the most accurate of all.")
    assert figures(small, Limits(percentile="p99")).endswith("in 0.500 ms (p99)")


def test_what_a_picked_entry_loses(source: Source) -> None:
    selector = Selector(source.table.entries)
    limits = Limits(max_latency_ms=3.0)
    best, slow = selector.select(3.0), source.table.entries[-1]
    fast = source.table.entries[0]
    lost = points(best.accuracy.top1 - fast.accuracy.top1)
    assert f"{lost} more accurate" in beside_the_best(fast, best, limits)
    assert "exceeds the budget" in beside_the_best(slow, best, limits)
    assert "no entry meets the limits" in beside_the_best(slow, None, limits)
    assert headline(slow, limits, Selector([])) == f"Ship {figures(slow, limits)}."


def test_more_is_a_millisecond_or_less_where_the_front_is_short(source: Source) -> None:
    assert more_ms(Selector(source.table.entries)) == 1.0
    assert more_ms(Selector(source.table.entries[:5])) < 1.0


def test_a_millisecond_more_is_what_the_selector_says(source: Source) -> None:
    selector = Selector(source.table.entries)
    entry = selector.select(1.0)
    text = gain(entry, Limits(max_latency_ms=1.0), selector)
    gained = selector.select(2.0).accuracy.top1 - entry.accuracy.top1
    assert gained > 0
    assert text.startswith(f"1 ms more: {points(gained, sign=True)}.")
    best = selector.front[-1]
    assert "gains nothing" in gain(best, Limits(max_latency_ms=1e3), selector)


def test_what_a_smaller_budget_loses(source: Source) -> None:
    selector = Selector(source.table.entries)
    fastest, second, *_ = selector.front
    assert "fastest" in loss(fastest, Limits(), selector)
    lost = points(second.accuracy.top1 - fastest.accuracy.top1)
    assert loss(second, Limits(), selector).endswith(f"loses {lost}.")


def test_an_entry_beside_the_front_has_neighbours_by_accuracy(source: Source) -> None:
    selector = Selector(source.table.entries)
    names = {entry.config_id for entry in selector.front}
    for entry in source.table:
        if entry.config_id not in names:
            assert gain(entry, Limits(max_latency_ms=1.0), selector)
            assert loss(entry, Limits(max_latency_ms=1.0), selector)
