"""Rounds in which several take turns, so that a slow minute of the machine affects all alike.

Standard library only, because the kit packs this file.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import TypeVar

from nas.conditions.bench import Progress

Item = TypeVar("Item")


def turns(
    items: Sequence[Item], num_rounds: int, rng: Random, progress: Progress
) -> Iterator[Item]:
    """Yield every item once a round, each round in another random order."""
    order, num_done = list(items), 0
    for _ in range(num_rounds):
        rng.shuffle(order)
        for item in order:
            yield item
            num_done += 1
            progress(num_done / (num_rounds * len(order)))
