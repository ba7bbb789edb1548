"""Checks before a search whether its limits can be satisfied."""

from dataclasses import dataclass

from rich.console import Console

from nas.conversions import planner_latency
from nas.cost.macs import count_macs, count_params
from nas.errors import LimitError
from nas.evaluate.evaluator import Evaluator
from nas.search.fitting_table import print_fitting
from planner import Latency, Limits
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


def require_feasible(
    evaluator: Evaluator, limits: Limits, *, allow_noisy: bool, console: Console
) -> list[Probe]:
    """Measure and print three configs of the space, and raise if no config can satisfy the limits.

    The smallest config has the fewest MACs. The lowest possible latency is estimated as the lower
    end of the confidence interval of the fastest of the three.

    Raises:
        LimitError: no config can satisfy the limits.
        NoisyMachineError: the machine is too busy to check a limit on latency.
    """
    probes = _probes(evaluator, allow_noisy)
    console.print("search space")
    print_fitting(list(map(_cells, probes)), console, dispensable=("parameters", "95% interval"))
    smallest = min(probe.macs for probe in probes)
    fastest_ms = min(probe.latency.p50_low_ms for probe in probes)
    if limits.max_macs is not None and smallest > limits.max_macs:
        raise LimitError(
            f"max_macs must be at least {smallest}, the MACs of the smallest config, "
            f"but got {limits.max_macs:g}; raise it, or train with narrower widths"
        )
    if limits.max_latency_ms is not None and fastest_ms > limits.max_latency_ms:
        raise LimitError(
            f"max_latency_ms must be at least {fastest_ms:.4f}, the latency of the fastest config "
            f"here, but got {limits.max_latency_ms:g}; raise it, or train with narrower widths"
        )
    return probes


def _probes(evaluator: Evaluator, allow_noisy: bool) -> list[Probe]:
    space = evaluator.supernet.space
    configs = {"smallest": space.smallest, "middle": _middle(space), "largest": space.largest}
    compiled = [evaluator.compile(config) for config in configs.values()]
    found = evaluator.measure(compiled, max_s=MEASURE_S, allow_noisy=allow_noisy)
    networks = [evaluator.supernet.extract(config) for config in configs.values()]
    return [
        Probe(
            name=name,
            config=config,
            macs=count_macs(network, config.resolution),
            num_params=count_params(network),
            latency=planner_latency(latency),
        )
        for (name, config), network, latency in zip(
            configs.items(), networks, found.latencies, strict=True
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
