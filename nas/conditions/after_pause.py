"""The condition `after_pause`: one inference after a time in which the process did nothing.

Meanwhile cores fall asleep and clocks drop, threads wait in the system instead of spinning, and
others' data fill the caches.

Standard library only, because the kit packs this file.
"""

import time
from collections.abc import Sequence

from nas.conditions.bench import Bench, Progress, UnderCondition
from nas.conditions.turns import turns
from nas.meter.latency import latency_of

PAUSES_MS = (50, 200, 1000)
NUM_SAMPLES = 20
WARM_RUNS = 3
"""Before each pause: the network is as it was left, not as another one left the caches."""


def after_pause(
    bench: Bench,
    progress: Progress,
    *,
    pauses_ms: Sequence[int] = PAUSES_MS,
    num_samples: int = NUM_SAMPLES,
) -> UnderCondition:
    """Time `num_samples` inferences of each network after each pause, in turns.

    Returns `after_pause`, after the longest pause, and `after_pause_50ms` ... for shorter ones.
    """
    networks = bench.networks
    samples_s: dict[tuple[int, int], list[float]] = {
        (pause, index): [] for pause in pauses_ms for index in range(len(networks))
    }
    for pause, index in turns(list(samples_s), num_samples, bench.rng, progress):
        for _ in range(WARM_RUNS):
            networks[index].run()
        time.sleep(pause / 1e3)
        start = time.perf_counter()
        networks[index].run()
        samples_s[pause, index].append(time.perf_counter() - start)
    longest = max(pauses_ms)
    latencies = {
        "after_pause" if pause == longest else f"after_pause_{pause}ms": tuple(
            latency_of([sample] for sample in samples_s[pause, index])
            for index in range(len(networks))
        )
        for pause in sorted(pauses_ms, reverse=True)
    }
    return UnderCondition(latencies, {"pauses_ms": sorted(pauses_ms)})
