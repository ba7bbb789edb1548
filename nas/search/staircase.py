"""The staircase: which channel counts are steps of the target's latency.

A vector unit, a tensor core or a packed kernel takes channels in multiples, so that latency rises
in steps, and a count between two steps costs what the next step costs. Where the steps are depends
on the target and on the layer: in the embedded network on a CPU with AVX-512 they are the multiples
of 16, and 8 in the first stage. So they are measured: for each width of a config, one narrow
network for each channel count it may have, the other widths being alike, all timed side by side.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from nas.evaluate.evaluator import Evaluator
from nas.meter.latency import MIN_ROUNDS
from nas.meter.rounds import VISIT_S
from nas.meter.statistics import median, median_interval
from nas.number_types import typed
from nas.runtimes.mixed import dtypes_of
from nas.search.steps import Steps
from supernet import SearchSpace, SubnetConfig
from supernet.bar import Bar
from supernet.tell import to_stderr

PATIENCE_S = 5.0
"""Seconds of timing after which no more than the fewest rounds are made."""
OTHERS = 0.5
"""About the width of the groups that do not vary."""
SHARE = 0.5
"""A count is a step if it saves this share of what it would save if latency were a straight line
from the fewest channels to the most."""
MAX_NAMED = 8
"""Groups whose counts are told one by one."""


def measured_steps(evaluator: Evaluator, max_s: float) -> Steps:
    """The steps of the evaluator's target; all widths where its latency is no staircase.

    A width is dropped only where it saves less than SHARE of its part with 95 % confidence, judged
    by differences within each round of timing. On a disturbed machine all widths stay, and so do
    those of a group for whose networks `max_s` seconds of preparing and timing leave no time. Of
    several number types, a step of any is a step.
    """
    space, dtypes = evaluator.supernet.space, dtypes_of(evaluator.runtime)
    all_steps = Steps.all_of(evaluator.supernet, tuple(filter(None, dtypes)))
    by_width = configs_by_width(space, all_steps)
    configs = [[typed(each, dtype) for each in some] for dtype in dtypes for some in by_width]
    seconds_each = max(_seconds_each(evaluator, space, dtype) for dtype in dtypes)
    chosen = _affordable(configs, seconds_each, max_s)
    probes = [config for number in chosen for config in configs[number]]
    if not probes:
        return all_steps
    bar = Bar(probes, "staircase", unit="config", mininterval=1.0)
    networks = [evaluator.compile_to_time(config) for config in bar]
    found = evaluator.measure(networks, max_s=min(PATIENCE_S, max_s), allow_noisy=True)
    if found.is_disturbed:
        to_stderr("this machine is too busy to tell steps of the latency: all widths stay")
        return all_steps
    kept, first = [set[float]() for _ in by_width], 0
    for number in range(len(configs)):
        widths = all_steps.widths[number % len(by_width)]
        if number in chosen:
            places = range(first, first + len(widths))
            times = [[each.median_s(place) for place in places] for each in found.rounds]
            widths, first = steps_of(widths, times), places.stop
        kept[number % len(by_width)] |= {*widths}
    steps = replace(all_steps, widths=tuple(tuple(sorted(each)) for each in kept))
    to_stderr(
        f"steps of the latency: {_counts(steps, all_steps)} channel counts of the groups; "
        f"{_number(steps.num_configs)} of {_number(all_steps.num_configs)} configs are searched"
    )
    return steps


def _counts(steps: Steps, all_steps: Steps) -> str:
    """How many counts of each group there are among all; of many groups, of all together."""
    pairs = [(len(few), len(all_steps.widths[n])) for n, few in enumerate(steps.widths)]
    if len(pairs) > MAX_NAMED:
        pairs = [(sum(few for few, _ in pairs), sum(many for _, many in pairs))]
    return ", ".join(f"{few} of {many}" for few, many in pairs)


def _number(count: int) -> str:
    return f"{count:,}" if count < 10**9 else f"{Decimal(count):.1e}"


def configs_by_width(space: SearchSpace, steps: Steps) -> list[list[SubnetConfig]]:
    """For each width of a config, the configs in which it alone varies, the narrowest first."""
    resolution = space.resolutions[len(space.resolutions) // 2]
    other = [min(each, key=lambda width: abs(width - OTHERS)) for each in steps.widths]
    return [
        [
            SubnetConfig(
                width_mults=(*other[:number], width, *other[number + 1 :]), resolution=resolution
            )
            for width in each
        ]
        for number, each in enumerate(steps.widths)
    ]


def _seconds_each(evaluator: Evaluator, space: SearchSpace, dtype: str | None) -> float:
    """Seconds that it takes to prepare one network and to time it in the fewest rounds."""
    smallest, largest = typed(space.smallest, dtype), typed(space.largest, dtype)
    evaluator.compile_to_time(smallest)  # the first one of an architecture takes longer
    start = time.perf_counter()
    network = evaluator.compile_to_time(largest)
    prepare_s = time.perf_counter() - start
    network.run()
    start = time.perf_counter()
    network.run()
    visit_s = max(VISIT_S, time.perf_counter() - start)
    return prepare_s + 2 * MIN_ROUNDS * visit_s


def _affordable(
    configs: Sequence[Sequence[SubnetConfig]], seconds_each: float, max_s: float
) -> list[int]:
    """The widths for whose networks there is time, those with the most counts first."""
    left = int(max_s / seconds_each)
    chosen = []
    for number in sorted(range(len(configs)), key=lambda number: -len(configs[number])):
        if 1 < len(configs[number]) <= left:
            left -= len(configs[number])
            chosen.append(number)
    return sorted(chosen)


def steps_of(widths: Sequence[float], times: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Those of a width's values that are steps, the narrowest first; both ends always are.

    The narrowest is what every training step trains, and the end of what can be had. `times` has a
    row for each round of timing: the time at each of the `widths`.
    """
    span = median([row[-1] - row[0] for row in times])
    kept = [len(widths) - 1]
    for place in reversed(range(len(widths) - 1)):
        _, saved = median_interval([row[kept[-1]] - row[place] for row in times])
        part = span * (widths[kept[-1]] - widths[place]) / (widths[-1] - widths[0])
        if saved >= SHARE * part or place == 0:
            kept.append(place)
    return tuple(widths[place] for place in reversed(kept))
