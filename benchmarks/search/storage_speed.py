"""How many trials a second each storage bears that workers can share.

    python -m benchmarks.search.storage_speed measure    (on an idle machine)
    python -m benchmarks.search.storage_speed page

`measure`: four worker processes share a study and evaluate nothing, in SQLite, a journal file,
PostgreSQL (a server of its own, without network) and PostgreSQL behind Optuna's gRPC server, for
SECONDS each: about two minutes altogether. Everything else is as in a search: claims, 2,000 bits a
trial, each worker looks for duplicates; only the sampler draws at random, so that its own time does
not count. The result is written after each storage; started again, it goes on with what is missing
(`--again` begins anew). Workers and servers share this machine's cores, so a server on another one
bears more. `page`: puts the table into docs/search.md. Writes results/search/storage_speed.json.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import IO, Any

from benchmarks.environment import environment
from benchmarks.page import DOCS, put_into_page
from benchmarks.result_file import result_file
from benchmarks.search.storage_servers import grpc_before, postgresql, postgresql_programs
from planner.atomic import write_atomically

RESULT = result_file(__file__)
NUM_WORKERS = 4
SECONDS = 20.0
EVALUATIONS_S = (1, 10)
"""Seconds that an evaluation may take, for which the page says how many workers a storage bears."""
LOAD = 0.5
"""Share of a storage's trials a second that workers may use before they wait for it noticeably."""


@contextmanager
def sqlite() -> Iterator[str]:
    """A file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/study.db"


@contextmanager
def journal() -> Iterator[str]:
    """A file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"journal:{folder}/study.log"


@contextmanager
def postgresql_behind_grpc() -> Iterator[str]:
    """Two servers of their own."""
    with postgresql() as url, grpc_before(url) as grpc:
        yield grpc


STORAGES: dict[str, Callable[[], Any]] = {
    "SQLite": sqlite,
    "journal file": journal,
    "PostgreSQL": postgresql,
    "gRPC before PostgreSQL": postgresql_behind_grpc,
}


def num_trials(storage: str, num_workers: int, seconds: float) -> list[int]:
    """How many trials each worker completes in so many seconds, all at once."""
    command = [sys.executable, "-m", "benchmarks.search.storage_worker", storage, str(seconds)]
    with ExitStack() as stack:
        workers = []
        for _ in range(num_workers):  # one after the other: the first makes the study
            worker = stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(worker.kill)
            workers.append(worker)
            if _pipe(worker.stdout).readline() != "ready\n":
                raise RuntimeError(f"a worker could not open {storage}")
        for worker in workers:
            _pipe(worker.stdin).write("go\n")
            _pipe(worker.stdin).flush()
        return [int(_pipe(worker.stdout).readline()) for worker in workers]


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def measured(name: str, num_workers: int, seconds: float) -> dict[str, Any]:
    """The trials a second of one storage."""
    with STORAGES[name]() as storage:
        counts = num_trials(storage, num_workers, seconds)
    return {
        "num_workers": num_workers,
        "seconds": seconds,
        "num_trials": counts,
        "trials_per_s": round(sum(counts) / seconds, 1),
    }


def measure(seconds: float, *, again: bool = False) -> None:
    """Measure the storages that the result lacks."""
    result = json.loads(RESULT.read_text()) if RESULT.exists() and not again else {}
    result = {"storages": {}} | result | {"environment": environment()}
    for name in STORAGES:
        if name in result["storages"]:
            continue
        if "PostgreSQL" in name and not postgresql_programs():
            print(f"{name}: there is no server under /usr/lib/postgresql")
            continue
        result["storages"][name] = measured(name, NUM_WORKERS, seconds)
        write_atomically(RESULT, (json.dumps(result, indent=1) + "\n").encode("ascii"))
        print(f"{name}: {result['storages'][name]['trials_per_s']} trials a second")


def lines(result: Mapping[str, Any]) -> list[str]:
    """The table for the page, as lines of Markdown."""
    head = [f"workers, {seconds} s an evaluation" for seconds in EVALUATIONS_S]
    found = [
        f"| storage | trials a second, {NUM_WORKERS} workers | {' | '.join(head)} |",
        "|---|---:" + "|---:" * len(head) + "|",
    ]
    for name, each in result["storages"].items():
        rate = each["trials_per_s"]
        cells = [f"{_rounded(LOAD * rate * seconds):,}" for seconds in EVALUATIONS_S]
        found.append(f"| {name} | {rate:.1f} | {' | '.join(cells)} |")
    return [
        *found,
        "",
        f"{result['environment']['cpu']}; {NUM_WORKERS} processes on its cores.",
        "",
    ]


def _rounded(number: float) -> int:
    """Down to one digit that counts: more would be pretended."""
    whole = int(number)
    power = int("1" + "0" * (len(str(whole)) - 1))
    return whole // power * power


def main() -> int:
    """Measure, or write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("measure", "page"))
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"default: {SECONDS}")
    parser.add_argument("--again", action="store_true", help="measure what is known, too")
    args = parser.parse_args()
    if args.part == "page":
        found = lines(json.loads(RESULT.read_text()))
        put_into_page("benchmarks/search/storage_speed.py", found, DOCS / "search.md")
    else:
        measure(args.seconds, again=args.again)
    return 0


if __name__ == "__main__":
    sys.exit(main())
