"""Do two people who measure the same networks get the same order?

    python -m benchmarks.latency.repeatability idle
    python -m benchmarks.latency.repeatability busy

Eight MobileNetV2 candidates, each measured six times with our meter and with the default protocols
of others, in the same process and runtime: with the machine to itself (`idle`) or beside another
process that keeps one core busy (`busy`). All get the same time in total; the protocols of others
are also run as they are, that is once, which takes them far less. Which of two candidates is faster
is decided beforehand by a long measurement, without that process; pairs that differ by 5 % or less
are left out. Needs an idle machine, and a quarter of an hour for each of the two. Writes its part
of results/latency/repeatability.json.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from random import Random
from typing import Any

import torch
from torchvision import models
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from nas.errors import NoisyMachineError
from nas.evaluate.reference_network import reference_workload
from nas.meter.latency import Measurement, measure_latency
from nas.meter.reference_workload import ReferenceWorkload
from nas.runtimes import CompiledNetwork, load_runtime

RESULT = result_file(__file__)
CANDIDATES = [
    (1.0, 96),
    (0.75, 96),
    (0.5, 96),
    (0.35, 96),
    (1.0, 80),
    (0.75, 80),
    (0.5, 80),
    (1.0, 64),
]
NUM_REPEATS = 6
TOTAL_S = 24.0  # the states of a shared host last that long
REFERENCE_S = 60.0
MIN_DIFFERENCE = 0.05
Networks = Sequence[CompiledNetwork]


def times_s(network: CompiledNetwork, num_runs: int) -> list[float]:
    """Seconds of each of `num_runs` runs in a row."""
    times = []
    for _ in range(num_runs):
        start = time.perf_counter()
        network.run()
        times.append(time.perf_counter() - start)
    return times


def mean_of(num_runs: int, *, warm_up: int) -> Callable[[CompiledNetwork], float]:
    """The protocol that drops the first `warm_up` runs and averages the others."""
    return lambda network: statistics.fmean(times_s(network, warm_up + num_runs)[warm_up:])


PEERS: dict[str, Callable[[CompiledNetwork], float]] = {
    "mean of 10": mean_of(10, warm_up=0),
    "10 warm-up, mean of 20": mean_of(20, warm_up=10),
    "10 warm-up, mean of 50": mean_of(50, warm_up=10),
    "median of 50": lambda network: statistics.median(times_s(network, 50)),
}


def for_seconds(
    protocol: Callable[[CompiledNetwork], float], seconds: float
) -> Callable[[CompiledNetwork], float]:
    """`protocol` again and again for `seconds`, averaged."""

    def repeated(network: CompiledNetwork) -> float:
        end, results = time.perf_counter() + seconds, [protocol(network)]
        while time.perf_counter() < end:
            results.append(protocol(network))
        return statistics.fmean(results)

    return repeated


def ours(
    networks: Networks, reference: ReferenceWorkload, rng: Random, max_s: float
) -> Measurement:
    """Our meter, refusing on a noisy machine."""
    return measure_latency(networks, reference=reference, rng=rng, max_s=max_s, precision=0.002)


def judged(
    repeats: list[list[float]], tied: list[set[tuple[int, int]]], truth: list[float]
) -> dict[str, Any]:
    """Spread and mis-ordered pairs of repeated measurements of the same candidates."""
    spreads = [(max(x) - min(x)) / statistics.median(x) for x in zip(*repeats, strict=True)]
    pairs = [
        (i, j)
        for i, j in itertools.combinations(range(len(truth)), 2)
        if abs(truth[i] - truth[j]) > MIN_DIFFERENCE * min(truth[i], truth[j])
    ]
    wrong = [
        (repeat[i] < repeat[j]) != (truth[i] < truth[j]) and pair not in ties
        for repeat, ties in zip(repeats, tied, strict=True)
        for pair in pairs
        for i, j in [pair]
    ]
    return {
        "median_spread": statistics.median(spreads),
        "max_spread": max(spreads),
        "num_mis_ordered": sum(wrong),
        "num_pairs": len(wrong),
        "num_tied": sum(len(ties & set(pairs)) for ties in tied),
    }


def repeat_ours(
    networks: Networks, reference: ReferenceWorkload, truth: list[float], rng: Random
) -> dict[str, Any]:
    """Our meter, `NUM_REPEATS` times."""
    results, refusals = [], 0
    for _ in tqdm(range(NUM_REPEATS), desc="ours"):
        try:
            results.append(ours(networks, reference, rng, TOTAL_S))
        except NoisyMachineError:
            refusals += 1
    if not results:
        return {"num_refusals": refusals}
    pairs = list(itertools.combinations(range(len(networks)), 2))
    tied = [{pair for pair in pairs if result.is_tied(*pair)} for result in results]
    p50 = [[latency.p50_ms for latency in result.latencies] for result in results]
    return judged(p50, tied, truth) | {
        "num_refusals": refusals,
        "noise_floors": [result.noise_floor for result in results],
        "slowdowns": [result.slowdown for result in results],
        "num_rounds": [len(result.rounds) for result in results],
        "seconds": [result.duration_s for result in results],
    }


def repeat_peer(
    name: str, protocol: Callable[[CompiledNetwork], float], networks: Networks, truth: list[float]
) -> dict[str, Any]:
    """A protocol that measures one candidate after the other, `NUM_REPEATS` times."""
    repeats, seconds = [], []
    for _ in tqdm(range(NUM_REPEATS), desc=name):
        start = time.perf_counter()
        repeats.append([protocol(network) for network in networks])
        seconds.append(time.perf_counter() - start)
    nothing: list[set[tuple[int, int]]] = [set() for _ in repeats]
    return judged(repeats, nothing, truth) | {"seconds": seconds}


def everyone(
    networks: Networks, reference: ReferenceWorkload, truth: list[float], rng: Random
) -> dict[str, Any]:
    """All protocols at equal time, then those of others as they are."""
    share = TOTAL_S / len(networks)
    results = {"ours": repeat_ours(networks, reference, truth, rng)}
    for name, protocol in PEERS.items():
        again = f"{name}, again and again"
        results[again] = repeat_peer(again, for_seconds(protocol, share), networks, truth)
        results[name] = repeat_peer(name, protocol, networks, truth)
    return results


def candidate(width_mult: float) -> torch.nn.Module:
    """MobileNetV2 as torchvision builds it."""
    network: torch.nn.Module = models.mobilenet_v2(width_mult=width_mult)
    return network.eval()


def example(resolution: int) -> torch.Tensor:
    """One image of noise."""
    return torch.randn(1, 3, resolution, resolution, generator=torch.Generator().manual_seed(0))


def spin() -> None:
    """Keep one core busy for as long as the parent lives."""
    parent = os.getppid()
    while os.getppid() == parent:
        pass


@contextmanager
def busy_process() -> Iterator[None]:
    """Another process that keeps one core busy."""
    process = multiprocessing.get_context("spawn").Process(target=spin, daemon=True)
    process.start()
    time.sleep(3)  # until it has started to spin
    try:
        yield
    finally:
        process.kill()
        process.join()


def main() -> None:
    """Measure, print and write one part of the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("idle", "busy"))
    part = parser.parse_args().part
    torch.manual_seed(0)
    rng, runtime = Random(0), load_runtime("onnxruntime", num_threads=2)
    networks = [runtime.compile(candidate(width), example(side)) for width, side in CANDIDATES]
    reference = reference_workload(runtime)
    long = ours(networks, reference, rng, REFERENCE_S)
    truth = [latency.p50_ms for latency in long.latencies]
    with busy_process() if part == "busy" else nullcontext():
        protocols = everyone(networks, reference, truth, rng)
    result: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    result[part] = {
        "environment": environment(),
        "runtime": f"{runtime.name} {runtime.version}",
        "candidates": CANDIDATES,
        "reference_p50_ms": truth,
        "reference_noise_floor": long.noise_floor,
        "reference_slowdown": long.slowdown,
        "num_repeats": NUM_REPEATS,
        "protocols": protocols,
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result[part], indent=2))


if __name__ == "__main__":
    main()
