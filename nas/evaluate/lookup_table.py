"""Builds the lookup table: times the candidates near the front, scores the front on `report`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from nas.conversions import planner_latency, subnet_config
from nas.cost.group_macs import describe_groups
from nas.evaluate.choice import Choice
from nas.evaluate.evaluation import Bits
from nas.evaluate.evaluator import Evaluator
from nas.evaluate.gains import Scored, choose_gains
from nas.evaluate.racing import accuracy_of
from nas.meter.latency import Measurement
from nas.progress_bar import share_bar
from nas.runtimes import CompiledNetwork
from planner import Candidate, Entry, LookupTable, Target
from supernet import SubnetConfig
from supernet.bar import Bar


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
    choice: Choice | None = None,
    uniform: Sequence[SubnetConfig] = (),
) -> LookupTable:
    """Time the candidates near the Pareto front again and build a lookup table of their front.

    All candidates near the front are timed together, in interleaved rounds. `choice` says which of
    them become entries; by default the Pareto front of these latencies and what was scored. Each
    entry is then scored on `report` with the compiled network that was timed. `report`
    selects nothing: an entry stays even if a faster one is more accurate on `report`, and keeps its
    top1 on `selection` as `top1_selection`.

    `uniform` are configs of the uniform grid that the entries can be judged by, evaluated or not,
    whose top1 `choice` knows. They are timed and scored with the rest, and told in the provenance
    as `uniform_grid`; `gains` tells what the search's own entries have over them, and `believed`
    the top1 that chose.

    With `max_latency_ms`, each entry records the share of its runs within that limit
    (`budget_probability`).

    Raises LimitError if no candidate keeps the constraints of `choice`, and NoisyMachineError like
    `nas.meter.latency.measure_latency`.
    """
    choice = choice or Choice()
    timed = choice.near(candidates)
    top1 = _scored_top1(candidates) | dict(choice.known.get("top1", {}))
    configs = list(dict.fromkeys([*map(subnet_config, timed), *uniform]))
    networks = [evaluator.compile(each) for each in Bar(configs, "prepare", unit="config")]
    measured = measure_with_bar(evaluator, networks, max_s, allow_noisy)
    ties = measured.ties([each.config_id for each in configs])
    place = {each.config_id: index for index, each in enumerate(configs)}
    latencies = [planner_latency(each) for each in measured.latencies]
    timed = [replace(each, latency=latencies[place[each.config_id]]) for each in timed]
    front = choice.front(timed)
    on_front = {each.config_id for each in front}
    to_score = dict.fromkeys([*map(subnet_config, front), *uniform])
    correct: dict[str, Bits] = {}
    for config in Bar(to_score, "score", unit="config"):
        network = networks[place[config.config_id]]
        correct[config.config_id] = evaluator.correct("report", network, config.resolution)
    scored = {
        config.config_id: Scored(
            config_id=config.config_id,
            latency_p50_ms=latencies[place[config.config_id]].p50_ms,
            believed=top1[config.config_id],
            correct_on_selection=evaluator.selection_correct(
                networks[place[config.config_id]], config
            ),
            correct=correct[config.config_id],
        )
        for config in to_score
        if uniform
    }
    entries = []
    for candidate in front:
        index = place[candidate.config_id]
        budget_probability = (
            None if max_latency_ms is None else measured.share_within(index, max_latency_ms)
        )
        entry = _entry(evaluator, candidate, networks[index], correct[candidate.config_id])
        tied_with = tuple(name for name in ties[candidate.config_id] if name in on_front)
        entries.append(replace(entry, tied_with=tied_with, budget_probability=budget_probability))
    grid = [scored[each.config_id] for each in uniform]
    return LookupTable(
        supernet={**supernet, **describe_groups(evaluator.supernet, map(subnet_config, front))},
        target=target,
        protocol=measured.protocol() | _budget(max_latency_ms),
        splits=splits,
        provenance={
            **provenance,
            "uniform_grid": [*map(_grid_values, grid)],
            "gains": _gains(front, grid, scored, measured.noise_floor),
            "believed": {each: round(top1[each], 5) for each in place if each in top1},
        },
        entries=tuple(sorted(entries, key=lambda each: (each.latency.p50_ms, each.accuracy.top1))),
    )


def _grid_values(scored: Scored) -> dict[str, Any]:
    numbers = {"config_id": scored.config_id, "latency_p50_ms": scored.latency_p50_ms}
    return numbers | asdict(accuracy_of(scored.correct))


def _gains(
    front: Sequence[Candidate],
    grid: Sequence[Scored],
    scored: Mapping[str, Scored],
    noise_floor: float,
) -> dict[str, Any] | None:
    """What the search's own entries gain over the grid, to which the other entries belong."""
    if not grid:
        return None
    is_own = {each.config_id: each.origin == "search" for each in front}
    own = [scored[name] for name in is_own if is_own[name]]
    others = [scored[name] for name in is_own if not is_own[name]]
    return choose_gains(own, [*grid, *others], noise_floor).to_json()


def _entry(
    evaluator: Evaluator, candidate: Candidate, network: CompiledNetwork, correct: Bits
) -> Entry:
    """The candidate as an entry, with its accuracy on `report`, peak memory and energy."""
    values = vars(candidate) | {
        "accuracy": accuracy_of(correct),
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


def _scored_top1(candidates: Sequence[Candidate]) -> dict[str, float]:
    """The candidates' top1 by config_id."""
    return {each.config_id: each.accuracy.top1 for each in candidates}
