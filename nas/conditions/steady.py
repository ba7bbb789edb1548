"""Steady latency, which every condition is compared with: as the meter measures all tables.

Standard library only, because the kit packs this file.
"""

from nas.conditions.bench import Bench, Progress
from nas.meter.latency import Measurement, measure_latency


def steady(bench: Bench, progress: Progress, *, allow_noisy: bool) -> Measurement:
    """Time the networks for at most `bench.max_s` seconds; raises like `measure_latency`."""
    return measure_latency(
        bench.networks,
        reference=bench.reference,
        rng=bench.rng,
        max_s=bench.max_s,
        allow_noisy=allow_noisy,
        progress=progress,
    )
