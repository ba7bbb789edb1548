"""The condition `sustained`: minute after minute without a pause.

A device gets hot and lowers its clock, a rented processor uses up its credits. All networks take
turns for the whole time, so that each minute compares them at the same heat; a network alone may
heat the device more or less than their mixture does.

Standard library only, because the kit packs this file.
"""

from dataclasses import replace

from nas.conditions.bench import Bench, Progress, UnderCondition
from nas.conditions.heat import heat
from nas.conditions.side_by_side import side_by_side

MINUTE_S = 60.0


def sustained(bench: Bench, progress: Progress, *, minute_s: float = MINUTE_S) -> UnderCondition:
    """Time the networks side by side for `bench.minutes` minutes, each minute by itself.

    Returns `sustained`, the last minute, and `sustained_minute_1` ... for those before it; the
    parameters have the clock, temperature and throttling at the end of each minute.
    """
    one_minute = replace(bench, max_s=minute_s)
    found, heats = [], []
    for minute in range(bench.minutes):

        def show(share: float, before: int = minute) -> None:
            progress((before + share) / bench.minutes)

        found.append(side_by_side(bench.networks, one_minute, show))
        heats.append(heat())
    latencies = {"sustained": found[-1]} | {
        f"sustained_minute_{number}": latency for number, latency in enumerate(found[:-1], 1)
    }
    return UnderCondition(latencies, {"minutes": bench.minutes, "heat_by_minute": heats})
