"""What following a load trace comes to: with a controller, with an oracle, with a prophet.

The *oracle* knows the lasting load of every batch before it runs, past and future, but not that
batch's jitter, which nobody can: it runs the most accurate entry whose median under that load
keeps the target, else the fastest. It is the fair clairvoyant. The *prophet* knows each batch's
own time: it is late only where the fastest entry is. It is reported, not compared with.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from benchmarks.planner.load_traces import Trace
from planner import Entry, Selector

MOST_OVER = 1.2
MOST_LOST = 0.005


class Follower(Protocol):
    """A way to choose the next entry from the times of those that ran."""

    @property
    def entry(self) -> Entry:
        """The entry to run next."""

    def observe(self, latency_ms: float) -> object:
        """Note how long it took."""


@dataclass(frozen=True)
class Outcome:
    """What following one trace came to."""

    over_budget: float
    """Fraction of batches slower than the target."""
    top1: float
    """Mean top1 of the entries that ran."""
    num_switches: int

    def keeps(self, oracle: "Outcome") -> bool:
        """At most 1.2 times the oracle's time over budget, at most 0.5 points less accurate."""
        return (
            self.over_budget <= MOST_OVER * oracle.over_budget + 1e-12
            and oracle.top1 - self.top1 <= MOST_LOST
        )


def follow(trace: Trace, follower: Follower, target_ms: float) -> Outcome:
    """Run what `follower` chooses; each batch takes its entry's median times the load."""
    ran: list[Entry] = []
    num_over = 0
    for load in trace.seen:
        ran.append(follower.entry)
        latency_ms = ran[-1].latency.p50_ms * load
        num_over += latency_ms > target_ms
        follower.observe(latency_ms)
    return _outcome(ran, num_over)


def _outcome(ran: Sequence[Entry], num_over: int) -> Outcome:
    return Outcome(
        over_budget=num_over / len(ran),
        top1=sum(entry.accuracy.top1 for entry in ran) / len(ran),
        num_switches=sum(a is not b for a, b in pairwise(ran)),
    )


def with_oracle(trace: Trace, entries: Sequence[Entry], target_ms: float) -> Outcome:
    """What knowing every batch's lasting load makes of it."""
    return _knowing(trace, trace.level, entries, target_ms)


def with_prophet(trace: Trace, entries: Sequence[Entry], target_ms: float) -> Outcome:
    """What knowing every batch's own load makes of it."""
    return _knowing(trace, trace.seen, entries, target_ms)


def _knowing(
    trace: Trace, known: Sequence[float], entries: Sequence[Entry], target_ms: float
) -> Outcome:
    selector = Selector(entries)
    fastest = selector.latencies_ms[0]
    ran = [selector.select(max(fastest, target_ms / load)) for load in known]
    late = zip(ran, trace.seen, strict=True)
    return _outcome(ran, sum(entry.latency.p50_ms * load > target_ms for entry, load in late))


def default_target_ms(entries: Sequence[Entry]) -> float:
    """Twice what splits the front's latencies evenly on a log scale: idle, most entries fit."""
    front = Selector(entries).latencies_ms
    return 2 * math.sqrt(front[0] * front[-1])


def compare(
    make: Callable[[Sequence[Entry], float], Follower],
    traces: Sequence[Trace],
    entries: Sequence[Entry],
) -> list[tuple[Trace, Outcome, Outcome]]:
    """(trace, what `make` made of it, the oracle's) for each trace."""
    target_ms = default_target_ms(entries)
    return [
        (t, follow(t, make(entries, target_ms), target_ms), with_oracle(t, entries, target_ms))
        for t in traces
    ]
