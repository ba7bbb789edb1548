"""Builds the lookup table: times the candidates near the front, scores the front on `report`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tqdm import tqdm

from nas.conversions import planner_accuracy, planner_latency, subnet_config
from nas.cost.group_macs import describe_groups
from nas.evaluate.evaluation import clearly_faster
from nas.evaluate.evaluator import Evaluator
from nas.meter.latency import Measurement
from nas.progress_bar import share_bar
from nas.runtimes import CompiledNetwork
from planner import Candidate, Entry, LookupTable, Target, pareto_front


def make_table(
    evaluator: Evaluator,
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
    """Time the candidates near the Pareto front again and build a lookup table of their front.

    All candidates near the front are timed together, in interleaved rounds. Entries are the Pareto
    front of these latencies and top1 on `selection`. Each entry is then scored on `report` with the
    compiled network that was timed. `report` selects nothing: an entry stays even if a faster one
    is more accurate on `report`, and keeps its top1 on `selection` as `top1_selection`.

    With `max_latency_ms`, each entry records the share of its runs within that limit
    (`budget_probability`).

    Raises NoisyMachineError like `nas.meter.latency.measure_latency`.
    """
    timed = near_front(candidates)
    bar = tqdm(timed, "prepare", unit="config")
    networks = [evaluator.compile(subnet_config(each)) for each in bar]
    measured = measure_with_bar(evaluator, networks, max_s, allow_noisy)
    ties = measured.ties([each.config_id for each in timed])
    place = {each.config_id: index for index, each in enumerate(timed)}
    front = pareto_front(
        replace(candidate, latency=planner_latency(latency))
        for candidate, latency in zip(timed, measured.latencies, strict=True)
    )
    on_front = {each.config_id for each in front}
    entries = []
    for candidate in tqdm(front, "score", unit="config"):
        index = place[candidate.config_id]
        entry = _entry(evaluator, candidate, networks[index])
        budget_probability = (
            None if max_latency_ms is None else measured.share_within(index, max_latency_ms)
        )
        tied_with = tuple(name for name in ties[candidate.config_id] if name in on_front)
        entries.append(replace(entry, tied_with=tied_with, budget_probability=budget_probability))
    return LookupTable(
        supernet={**supernet, **describe_groups(evaluator.supernet, map(subnet_config, front))},
        target=target,
        protocol=measured.protocol() | _budget(max_latency_ms),
        splits=splits,
        provenance=provenance,
        entries=tuple(entries),
    )


def _entry(evaluator: Evaluator, candidate: Candidate, network: CompiledNetwork) -> Entry:
    """The candidate as an entry, with its accuracy on `report`, peak memory and energy."""
    scored = evaluator.report_accuracy(network, candidate.config.resolution)
    values = vars(candidate) | {
        "accuracy": planner_accuracy(scored),
        "peak_memory_bytes": network.peak_memory_bytes(),
    }
    return Entry(
        **values,
        top1_selection=candidate.accuracy.top1,
        energy_mj=evaluator.energy_mj(network),
    )


def _budget(max_latency_ms: float | None) -> dict[str, float]:
    return {} if max_latency_ms is None else {"max_latency_ms": max_latency_ms}


def measure_with_bar(
    evaluator: Evaluator, networks: Sequence[CompiledNetwork], max_s: float, allow_noisy: bool
) -> Measurement:
    """Time all networks in interleaved rounds, with a progress bar."""
    with share_bar("time") as show:
        return evaluator.measure(networks, max_s=max_s, allow_noisy=allow_noisy, progress=show)


def near_front(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates that may be on the front once all are timed together, fastest first.

    Excluded are those for which a clearly faster candidate has at least the same top1.
    """
    return [
        candidate
        for candidate in sorted(candidates, key=lambda each: each.latency.p50_ms)
        if not any(
            clearly_faster(other.latency.p50_ms, candidate.latency.p50_ms)
            and other.accuracy.top1 >= candidate.accuracy.top1
            for other in candidates
        )
    ]
