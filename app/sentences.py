"""The answer in words: which entry to ship, what that loses and what it gains."""

from app.names import short
from app.quantities import LATENCIES, P50, PLUS_MINUS, points
from planner import Entry, Limits, Selector


def headline(entry: Entry, limits: Limits, selector: Selector) -> str:
    """`Ship X: 88.4 % (+-1.4) in 0.044 ms: 1.95 points below the most accurate, 3.9 times ...`.

    `selector` has the entries that meet the limits other than the budget.
    """
    if not selector.front:
        return f"Ship {figures(entry, limits)}."
    top = selector.front[-1]
    return f"Ship {figures(entry, limits)}: {_against(entry, top, limits, 'the most accurate')}."


def figures(entry: Entry, limits: Limits) -> str:
    """`X: 88.4 % (+-1.4) in 0.044 ms`; the latency is the limited percentile."""
    accuracy = entry.accuracy
    half = (accuracy.top1_high - accuracy.top1_low) / 2
    percentile = limits.percentile
    latency = P50.shown(entry.value(LATENCIES[percentile].column))
    which = "" if percentile == "p50" else f" ({percentile})"
    return (
        f"{short(entry.config_id, 40)}: {100 * accuracy.top1:.1f} % "
        f"({PLUS_MINUS}{100 * half:.1f}) in {latency}{which}"
    )


def _against(entry: Entry, top: Entry, limits: Limits, what: str) -> str:
    if entry.config_id == top.config_id:
        return f"{what} of all"
    lost = top.accuracy.top1 - entry.accuracy.top1
    compared = f"{points(abs(lost))} {'below' if lost >= 0 else 'above'} {what}"
    return f"{compared}, {_speed(limits.latency_ms(top) / limits.latency_ms(entry))}"


def _speed(ratio: float) -> str:
    if 0.995 <= ratio < 1.005:
        return "equally fast"
    return f"{ratio:.1f} times as fast" if ratio >= 1.05 else f"{100 * (ratio - 1):+.1f} % in speed"


def beside_the_best(entry: Entry, best: Entry | None, limits: Limits) -> str:
    """What an entry that was picked loses against the one that the budget selects, if any."""
    if best is None:
        return "You picked this entry, but no entry meets the limits."
    if limits.max_latency_ms is not None and limits.latency_ms(entry) > limits.max_latency_ms:
        return (
            f"You picked this entry, but it exceeds the budget. {short(best.config_id)} keeps it."
        )
    lost = best.accuracy.top1 - entry.accuracy.top1
    return (
        f"You picked this entry. Within the same budget, {short(best.config_id)} is "
        f"{points(lost)} more accurate."
    )


def gain(entry: Entry, limits: Limits, selector: Selector) -> str:
    """What a larger budget gains: one more step of time, and the next entry of the front."""
    budget = limits.max_latency_ms or 0.0
    above = _neighbour(entry, selector, 1)
    if above is None:
        return "A larger budget gains nothing: this is the most accurate entry."
    step = more_ms(selector)
    better = selector.find(budget + step) or entry
    gained = points(better.accuracy.top1 - entry.accuracy.top1, sign=True)
    needed = P50.number(max(0.0, limits.latency_ms(above) - budget))
    return (
        f"{step:g} ms more: {gained}. The next entry, {short(above.config_id)}, needs {needed} ms "
        f"more and gains {points(above.accuracy.top1 - entry.accuracy.top1)}."
    )


def loss(entry: Entry, limits: Limits, selector: Selector) -> str:
    """What a smaller budget loses: the entry of the front before this one."""
    below = _neighbour(entry, selector, -1)
    if below is None:
        return "A smaller budget has no entry: this is the fastest."
    saved = P50.number(limits.latency_ms(entry) - limits.latency_ms(below))
    lost = points(entry.accuracy.top1 - below.accuracy.top1)
    return f"The entry before, {short(below.config_id)}, saves {saved} ms and loses {lost}."


def _neighbour(entry: Entry, selector: Selector, step: int) -> Entry | None:
    """The entry of the front `step` places after `entry`, or after what is at least as fast."""
    names = [other.config_id for other in selector.front]
    if entry.config_id in names:
        index = names.index(entry.config_id) + step
        return selector.front[index] if 0 <= index < len(names) else None
    top1 = entry.accuracy.top1
    if step > 0:
        return next((other for other in selector.front if other.accuracy.top1 > top1), None)
    return next((o for o in reversed(selector.front) if o.accuracy.top1 < top1), None)


def more_ms(selector: Selector) -> float:
    """1 ms, or the largest smaller power of ten that fits twice into the front's latency range."""
    span = selector.latencies_ms[-1] - selector.latencies_ms[0]
    step = 1.0
    while step > 1e-6 and span < 2 * step:
        step /= 10
    return round(step, 6)
