"""Checks before a search whether its constraints can be kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from nas.conversions import planner_latency
from nas.cost.macs import count_macs, count_params
from nas.errors import LimitError
from nas.evaluate.constraint import Constraint
from nas.evaluate.evaluator import Evaluator
from nas.evaluate.measures import is_latency
from nas.number_types import typed
from nas.runtimes.mixed import dtypes_of
from nas.search.fitting_table import print_fitting
from planner import Latency
from supernet import SearchSpace, SubnetConfig

MEASURE_S = 3.0
"""Seconds of timing for all probes together."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A measured config of the search space: the smallest, middle or largest one."""

    name: str
    config: SubnetConfig
    macs: int
    num_params: int
    latency: Latency
    least_latency_ms: float
    """The lower end of the median's interval; less where the machine is slower than at its best."""
    peak_memory_bytes: int | None = None
    """None if no search needs it; likewise energy_mj."""
    energy_mj: float | None = None


def require_feasible(
    evaluator: Evaluator,
    constraints: Sequence[Constraint],
    *,
    allow_noisy: bool,
    console: Console,
) -> None:
    """Measure and print three configs of the space, and raise if no config can keep a constraint.

    Each of them in each number type. The least cost is that of the cheapest. Of a latency it is the
    lower end of the interval of the median, which no percentile above undercuts; on a machine that
    is slowed from outside, of what that would be at its best, which it may be again in a minute.
    What top1 can be had is not known before the search, see `nas.search.forecast`.

    Raises:
        LimitError: no config can keep one of the constraints.
        NoisyMachineError: the machine is too busy to check a bound on latency.
    """
    probes = _probes(evaluator, allow_noisy)
    console.print("search space")
    print_fitting(list(map(_cells, probes)), console, dispensable=("parameters", "95% interval"))
    for each in constraints:
        costs = [cost for probe in probes if (cost := _least(probe, each.name)) is not None]
        if costs and each.excess(min(costs)) > 0:
            least = min(costs)
            text = f"{least:,.0f}" if least >= 1000 else f"{least:.4g}"
            raise LimitError(
                f"{each.name} can be no less than {text} with this supernet here, but "
                f"got the constraint {each}; loosen it, or train with narrower widths"
            )


def _least(probe: Probe, name: str) -> float | None:
    """A cost of the probe, at the least; None for top1."""
    if is_latency(name):
        return probe.least_latency_ms
    found: float | None = vars(probe).get(name)
    return found


def _probes(evaluator: Evaluator, allow_noisy: bool) -> list[Probe]:
    space = evaluator.supernet.space
    sizes = {"smallest": space.smallest, "middle": _middle(space), "largest": space.largest}
    configs = {
        " ".join(filter(None, (name, dtype))): typed(config, dtype)
        for dtype in dtypes_of(evaluator.runtime)
        for name, config in sizes.items()
    }
    compiled = [evaluator.compile(config) for config in configs.values()]
    found = evaluator.measure(compiled, max_s=MEASURE_S, allow_noisy=allow_noisy)
    slowed = 1 + found.slowdown if found.is_slow else 1.0
    networks = [evaluator.supernet.extract(config) for config in configs.values()]
    return [
        Probe(
            name=name,
            config=config,
            macs=count_macs(network, config.resolution),
            num_params=count_params(network),
            latency=planner_latency(latency),
            least_latency_ms=latency.p50_low_ms / slowed,
            **evaluator.extras(timed),
        )
        for (name, config), network, timed, latency in zip(
            configs.items(), networks, compiled, found.latencies, strict=True
        )
    ]


def _middle(space: SearchSpace) -> SubnetConfig:
    resolutions = sorted(space.resolutions)
    return space.uniform(space.widths[len(space.widths) // 2], resolutions[len(resolutions) // 2])


def _cells(probe: Probe) -> dict[str, str]:
    """The text of each column."""
    latency = probe.latency
    return {
        "": probe.name,
        "config": probe.config.config_id,
        "MMACs": f"{probe.macs / 1e6:.2f}",
        "parameters": f"{probe.num_params:,}",
        "p50 ms": f"{latency.p50_ms:.4f}",
        "95% interval": f"{latency.p50_low_ms:.4f}-{latency.p50_high_ms:.4f}",
    }
