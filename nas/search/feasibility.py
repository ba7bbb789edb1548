"""Whether limits can be kept at all, found out before the search and not after it."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from nas.cost.macs import count_macs, count_params
from nas.errors import LimitError
from nas.evaluate.evaluator import Bench
from nas.meter.latency import Latency
from nas.search.limits import Limits
from supernet import SearchSpace, SubnetConfig

MEASURE_S = 3.0
"""Seconds of timing, for all corners together."""


@dataclass(frozen=True, kw_only=True)
class Corner:
    """One of the configs that stand for the space: the smallest, a middle one, the largest."""

    name: str
    config: SubnetConfig
    macs: int
    num_params: int
    latency: Latency


def require_feasible(
    bench: Bench, limits: Limits, *, allow_noisy: bool, console: Console
) -> list[Corner]:
    """Measure the corners of the space, print them, and raise where the limits rule all out.

    MACs of the smallest config are the least there are. For latency the fastest corner stands, at
    the lower end of its interval.

    Raises:
        LimitError: nothing can keep the limits.
        NoisyMachineError: latency can't be measured here, so no limit of it can be kept.
    """
    corners = _corners(bench, allow_noisy)
    console.print(_table(corners))
    smallest = min(corner.macs for corner in corners)
    fastest_ms = min(corner.latency.p50_low_ms for corner in corners)
    if limits.max_macs is not None and smallest > limits.max_macs:
        raise LimitError(
            f"max_macs must be at least {smallest}, the MACs of the smallest config, "
            f"but got {limits.max_macs:g}: raise it, or train with narrower widths"
        )
    if limits.max_latency_ms is not None and fastest_ms > limits.max_latency_ms:
        raise LimitError(
            f"max_latency_ms must be at least {fastest_ms:.4f}, which the fastest config takes "
            f"here, but got {limits.max_latency_ms:g}: raise it, or train with narrower widths"
        )
    return corners


def _corners(bench: Bench, allow_noisy: bool) -> list[Corner]:
    space = bench.supernet.space
    configs = {"smallest": space.smallest, "middle": _middle(space), "largest": space.largest}
    compiled = [bench.compile(config) for config in configs.values()]
    found = bench.measure(compiled, max_s=MEASURE_S, allow_noisy=allow_noisy)
    networks = [bench.supernet.extract(config) for config in configs.values()]
    return [
        Corner(
            name=name,
            config=config,
            macs=count_macs(network, config.resolution),
            num_params=count_params(network),
            latency=latency,
        )
        for (name, config), network, latency in zip(
            configs.items(), networks, found.latencies, strict=True
        )
    ]


def _middle(space: SearchSpace) -> SubnetConfig:
    resolutions = sorted(space.resolutions)
    return space.uniform(sum(space.width_range) / 2, resolutions[len(resolutions) // 2])


def _table(corners: list[Corner]) -> Table:
    view = Table(title="what the space holds", title_justify="left")
    for name in ("", "config", "MMACs", "parameters", "p50 ms", "95% interval"):
        view.add_column(name, justify="left" if name in ("", "config") else "right", no_wrap=True)
    for corner in corners:
        latency = corner.latency
        view.add_row(
            corner.name,
            corner.config.config_id,
            f"{corner.macs / 1e6:.2f}",
            f"{corner.num_params:,}",
            f"{latency.p50_ms:.4f}",
            f"{latency.p50_low_ms:.4f}-{latency.p50_high_ms:.4f}",
        )
    return view
