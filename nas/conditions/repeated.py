"""The condition `repeated`: steady latency, measured again and again, minutes apart.

The interval of a steady latency speaks for one session of the meter. Minutes later the machine runs
at another speed, memory is laid out in another way, and all latencies may be some percent lower or
higher. The interval of `repeated` is one for tomorrow: another session's median lies in it with
95 % confidence.

Standard library only, because the kit packs this file.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, variance

from nas.conditions.bench import Bench, Progress, UnderCondition
from nas.conditions.onnx_file import load
from nas.conditions.steady import steady
from nas.meter.latency import Latency, Measurement
from nas.meter.statistics import median

NUM_SESSIONS = 5
T95 = 2.776
"""The 97.5 % quantile of Student's t distribution with NUM_SESSIONS - 1 degrees of freedom."""
GAP_S = 120.0


def repeated(bench: Bench, progress: Progress, *, gap_s: float = GAP_S) -> UnderCondition:
    """Measure `NUM_SESSIONS` sessions, `gap_s` seconds apart.

    The parameters have `session_spread`, the largest relative change of a latency between two
    sessions at 95 %, and the reference's median in each session.
    """
    found = sessions(bench, progress, num_sessions=NUM_SESSIONS, gap_s=gap_s)
    deviation = deviation_between(found)
    parameters = {
        "num_sessions": NUM_SESSIONS,
        "gap_s": gap_s,
        "session_spread": math.expm1(T95 * math.sqrt(2) * deviation),
        "reference_p50_ms": [1e3 * _reference_s(session) for session in found],
    }
    return UnderCondition({"repeated": for_another_session(found, deviation)}, parameters)


def sessions(
    bench: Bench, progress: Progress, *, num_sessions: int, gap_s: float
) -> list[Measurement]:
    """Steady latencies in several sessions, `gap_s` seconds apart, each with files loaded anew."""
    found = []
    for number in range(num_sessions):
        if number:
            time.sleep(gap_s)

        def show(share: float, before: int = number) -> None:
            progress((before + share) / num_sessions)

        networks = [load(file, bench.runtime, bench.num_threads) for file in bench.files]
        found.append(steady(replace(bench, networks=networks), show, allow_noisy=True))
        show(1.0)
    return found


def deviation_between(found: Sequence[Measurement]) -> float:
    """The standard deviation between sessions of a median's logarithm, pooled over the networks.

    What all networks of a session have in common counts as well: it doesn't average out.
    """
    return math.sqrt(
        fmean(variance(math.log(each.p50_ms) for each in one) for one in _of_networks(found))
    )


def for_another_session(found: Sequence[Measurement], deviation: float) -> tuple[Latency, ...]:
    """For each network the median over `NUM_SESSIONS` sessions of each percentile, and the interval
    of another session's median."""
    # Of a new session against the mean of these: prediction interval of a normal distribution.
    factor = math.exp(T95 * deviation * math.sqrt(1 + 1 / len(found)))
    return tuple(
        Latency(
            p50_ms=(p50_ms := median([each.p50_ms for each in latencies])),
            p90_ms=median([each.p90_ms for each in latencies]),
            p99_ms=median([each.p99_ms for each in latencies]),
            p50_low_ms=p50_ms / factor,
            p50_high_ms=p50_ms * factor,
            num_samples=sum(each.num_samples for each in latencies),
        )
        for latencies in _of_networks(found)
    )


def _of_networks(found: Sequence[Measurement]) -> list[tuple[Latency, ...]]:
    """The latencies of each network, one for each session."""
    return list(zip(*(session.latencies for session in found), strict=True))


def _reference_s(session: Measurement) -> float:
    return median([seconds for each in session.rounds for seconds in each.reference_s])
