"""What a search has gained over the uniform grid, in sentences of at most 80 columns."""

from nas.evaluate.gains import Gain, gains_of
from planner import LookupTable


def gain_lines(table: LookupTable) -> list[str]:
    """A heading and a line a gain; empty where no grid was timed beside the entries."""
    gains = gains_of(table)
    if gains is None:
        return []
    lines = [faster_line(gains.faster)] if gains.faster else []
    lines += [higher_line(gains.higher)] if gains.higher else []
    if not lines:
        return ["no entry is believed to be faster or more accurate than the uniform grid's best"]
    return [
        f"beside the uniform grid, on {table.splits['report']:,} images that chose nothing (95 % "
        "interval):",
        *lines,
    ]


def faster_line(gain: Gain) -> str:
    """The latency saved at equal top1, and whether that is shown."""
    saved = (
        f"{_ms(gain.latency_p50_ms)} instead of {_ms(gain.grid_latency_p50_ms)} ({-gain.saved:.0%})"
    )
    if gain.is_equal_shown:
        return f"{saved} for {gain.top1:.1%}: {_points(gain)}"
    return f"not shown: {saved}: {_points(gain)}"


def higher_line(gain: Gain) -> str:
    """The top1 gained at no higher latency, and whether that is shown."""
    latency = _ms(gain.latency_p50_ms)
    if gain.is_higher_shown:
        return f"at {latency} {gain.top1:.1%}: {_points(gain)} above the grid's best there"
    return f"not shown: above the grid's best at {latency}: {_points(gain)}"


def _ms(latency_ms: float) -> str:
    return f"{latency_ms:.3f} ms" if latency_ms < 100 else f"{latency_ms:,.0f} ms"


def _points(gain: Gain) -> str:
    """The difference in top1 with its interval, in percentage points."""
    found = gain.difference
    return f"{100 * found.mean:+.1f} points ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
