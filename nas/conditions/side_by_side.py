"""Several networks in the meter's interleaved rounds, none of which is left out.

Steady latency counts only rounds in which the reference network was quick. Here the disturbance is
what is measured: every round counts.

Standard library only, because the kit packs this file.
"""

import time
from collections.abc import Sequence

from nas.conditions.bench import Bench, Progress
from nas.meter.latency import MIN_ROUNDS, WARM_UP_SHARE, Latency, latency_of
from nas.meter.rounds import Round, Runnable, make_round, no_garbage_collection, warm_up


def side_by_side(
    networks: Sequence[Runnable], bench: Bench, progress: Progress
) -> tuple[Latency, ...]:
    """Time `networks` for `bench.max_s` seconds, but at least `MIN_ROUNDS` rounds."""
    clock, max_s = time.perf_counter, bench.max_s
    start = clock()
    warm_up_s = WARM_UP_SHARE * max_s / len(networks)
    runs = [warm_up(network, warm_up_s, clock) for network in networks]
    rounds: list[Round] = []
    with no_garbage_collection():
        while clock() - start < max_s or len(rounds) < MIN_ROUNDS:
            rounds.append(make_round(networks, runs, bench.reference, bench.rng, clock))
            progress(min(1.0, (clock() - start) / max_s))
    progress(1.0)
    return tuple(latency_of(r.samples_s(index) for r in rounds) for index in range(len(networks)))
