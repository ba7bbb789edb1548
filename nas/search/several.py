"""Several targets at once: a search for each, in one run's folder, and a book of their tables."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nas.conversions import subnet_config
from nas.errors import NasError
from nas.search.job import SearchJob
from nas.search.searching import runtime_of, search
from planner import Book, LookupTable
from supernet import SubnetConfig, Supernet
from supernet.data import Data

BOOK = "book.json"
SHARE = 0.25
"""Of the candidates of the first target, so many are evaluated for each further one. The top1 of
all that the first one has scored is known then, so that only latencies are left to learn."""
WARM_SHARE = 0.75
"""Of those, at most so many are entries of the first target, with which the search begins: most of
what is good on one target is good on another."""


def jobs_by_target(
    job: SearchJob,
    runtimes: Sequence[str | None],
    batch_sizes: Sequence[int],
) -> dict[str, SearchJob]:
    """A job for each combination, by the name of its target, such as `openvino-batch16`.

    Raises NasError for a combination that occurs twice, or for several that share a storage.
    """
    jobs: dict[str, SearchJob] = {}
    for runtime, batch_size in itertools.product(runtimes, batch_sizes):
        one = replace(job, runtime=runtime, batch_size=batch_size)
        name = runtime_of(one).name  # also of the default runtime; fails if it is missing here
        name += "" if batch_size == 1 else f"-batch{batch_size}"
        if name in jobs:
            raise NasError(f"each target must be given once, but {name} was given again")
        if jobs:
            one = replace(one, num_trials=max(1, round(SHARE * job.num_trials)))
        jobs[name] = one
    if len(jobs) > 1 and job.storage:
        raise NasError(
            f"--storage must be of one target, but there are {len(jobs)}: search for one at a time"
        )
    return jobs


def warm_started(job: SearchJob, entries: Sequence[SubnetConfig]) -> SearchJob:
    """The job of a further target, which begins with `entries` of the first, or some of them.

    Those are spread evenly; `entries` are in the order of their latency. A repeatable job, which
    depends on no latency, stays as it is.
    """
    if job.repeatable:
        return job
    num = min(math.ceil(WARM_SHARE * job.num_trials), len(entries))
    places = np.linspace(0, len(entries) - 1, num).round().astype(int)
    return replace(job, warm_start=tuple(entries[place] for place in places))


def search_targets(
    supernet: Supernet,
    data: Data,
    jobs: Mapping[str, SearchJob],
    *,
    out: str | Path,
    trained_in: str | Path | None = None,
    command: str | None = None,
    tell: Callable[[str, LookupTable], None] = lambda name, table: None,
) -> Book:
    """Search for one target after the other; write a run each to `out`/NAME, and `out`/book.json.

    Each search begins with the scores of those before it, if the supernet has a run that keeps
    them, and with the entries of the first table, unless it is `repeatable`. Called again, each
    goes on where it was.

    Args:
        supernet: as in `nas.search.search`, which raises the same errors; likewise `data`,
            `trained_in` and `command`.
        jobs: by the name of the target.
        out: the folder of all.
        tell: gets each table when it is written.
    """
    out = Path(out)
    tables = list[LookupTable]()
    for name, job in jobs.items():
        if tables:
            job = warm_started(job, [*map(subnet_config, tables[0])])
        folder = out / name
        tables.append(
            search(supernet, data, job, out=folder, trained_in=trained_in, command=command)
        )
        tell(name, tables[-1])
    book = Book(tuple(tables))
    book.write(out / BOOK)
    return book
