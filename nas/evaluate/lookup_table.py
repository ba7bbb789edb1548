"""From candidates to the lookup table: the front, timed side by side and scored on `report`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from tqdm import tqdm

from nas.cost.group_macs import describe_groups
from nas.evaluate.evaluator import Bench
from nas.meter.latency import Latency, Measurement
from nas.runtimes import CompiledNetwork
from planner import Candidate, Entry, LookupTable, Target, pareto_front
from supernet import SubnetConfig
from supernet.evaluate.accuracy import Accuracy

SLACK = 0.2
"""How much slower than it is a candidate may have looked when it was timed alone."""


def make_table(
    bench: Bench,
    candidates: Sequence[Candidate],
    *,
    target: Target,
    supernet: Mapping[str, Any],
    splits: Mapping[str, int],
    provenance: Mapping[str, Any],
    max_latency_ms: float | None = None,
    max_s: float,
    allow_noisy: bool,
) -> LookupTable:
    """Measure the best of `candidates` again and make a lookup table of their front.

    Latency is measured interleaved, for all that may be on the front; entries are the front of the
    new latencies and top1 on `selection`. Then top1 is scored on `report`, on the same compiled
    network, and chooses nothing: an entry that looks worse on `report` than a faster one stays,
    with the top1 that it was chosen with (`top1_selection`) beside it.

    With `max_latency_ms` each entry also says which share of its runs took at most that.

    Raises NoisyMachineError like `nas.meter.latency.measure_latency`.
    """
    chosen = near_front(candidates)
    networks = [bench.compile(_config(each)) for each in tqdm(chosen, "prepare", unit="config")]
    measured = measure_with_bar(bench, networks, max_s, allow_noisy)
    compiled = {c.config_id: network for c, network in zip(chosen, networks, strict=True)}
    place = {c.config_id: index for index, c in enumerate(chosen)}
    front = pareto_front(
        with_latency(candidate, latency)
        for candidate, latency in zip(chosen, measured.latencies, strict=True)
    )
    entries = []
    for candidate in tqdm(front, "score", unit="config"):
        network = compiled[candidate.config_id]
        right = bench.report_top1(network, candidate.resolution)
        ties = (
            other.config_id
            for other in front
            if other != candidate
            and measured.is_tied(place[candidate.config_id], place[other.config_id])
        )
        entries.append(
            Entry(
                **asdict(_with_top1(candidate, right))
                | {"peak_memory_bytes": network.peak_memory_bytes()},
                energy_mj=bench.energy_mj(network),
                top1_selection=candidate.top1,
                tied_with=tuple(ties),
                budget_probability=None
                if max_latency_ms is None
                else measured.share_within(place[candidate.config_id], max_latency_ms),
            )
        )
    return LookupTable(
        supernet={**supernet, **describe_groups(bench.supernet, map(_config, front))},
        target=target,
        protocol=measured.protocol() | _budget(max_latency_ms),
        splits=splits,
        provenance=provenance,
        entries=tuple(entries),
    )


def _budget(max_latency_ms: float | None) -> dict[str, float]:
    return {} if max_latency_ms is None else {"max_latency_ms": max_latency_ms}


def measure_with_bar(
    bench: Bench, networks: Sequence[CompiledNetwork], max_s: float, allow_noisy: bool
) -> Measurement:
    """Time all side by side, with a progress bar."""
    with tqdm(total=1.0, desc="time", bar_format="{l_bar}{bar}| {elapsed}<{remaining}") as bar:

        def show(share: float) -> None:
            bar.update(share - bar.n)

        return bench.measure(networks, max_s=max_s, allow_noisy=allow_noisy, progress=show)


def near_front(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that would be on the front if they were faster by `SLACK`.

    Trials are timed one after another, so that a slow moment of the machine hits some and not
    others; these are worth timing side by side.
    """
    fast_first = sorted(candidates, key=lambda candidate: candidate.latency_p50_ms)
    return [
        candidate
        for candidate in fast_first
        if not any(
            other.latency_p50_ms < candidate.latency_p50_ms / (1 + SLACK)
            and other.top1 >= candidate.top1
            for other in fast_first
        )
    ]


def _config(candidate: Candidate) -> SubnetConfig:
    return SubnetConfig(width_mults=candidate.width_mults, resolution=candidate.resolution)


def with_latency(candidate: Candidate, latency: Latency) -> Candidate:
    """The same with the latency that was measured of it."""
    return replace(
        candidate,
        latency_p50_ms=latency.p50_ms,
        latency_p90_ms=latency.p90_ms,
        latency_p99_ms=latency.p99_ms,
        latency_p50_low_ms=latency.p50_low_ms,
        latency_p50_high_ms=latency.p50_high_ms,
        kind="measured",
        num_samples=latency.num_samples,
    )


def _with_top1(candidate: Candidate, right: Accuracy) -> Candidate:
    low, high = right.interval
    return replace(candidate, top1=right.top1, top1_low=low, top1_high=high)
