"""A service around an AdaptiveSession on a simulated clock: its load, its disk and its faults.

The artifacts are real files, checked and loaded as ever. What is simulated is time: a batch takes
its entry's median times the load, and a load from disk takes `disk_s`, during which batches go on.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.planner.load_traces import DEVELOPMENT, HELD_OUT, skewed_jitter
from benchmarks.planner.tiny_networks import write_network
from planner import AdaptiveSession, Entry, LookupTable

FAULTS = ("deleted", "replaced", "truncated", "slow disk")
DISK_S, SLOW_DISK_S = 0.2, 60.0


class SimulatedClock:
    """Stands still, but for a batch: the reading after its start is later by its time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.batch_s = 0.0

    def __call__(self) -> float:
        """Return the time, in seconds."""
        read_s, self.now_s, self.batch_s = self.now_s, self.now_s + self.batch_s, 0.0
        return read_s


class SimulatedDisk(Executor):
    """Runs what is submitted once the clock has gone on by `disk_s`."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self.disk_s = DISK_S
        self._waiting: list[tuple[float, Callable[[], None], Future[Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Note the task with the time at which it is done."""
        future: Future[Any] = Future()

        def run() -> None:
            future.set_result(fn(*args, **kwargs))

        self._waiting.append((self._clock.now_s + self.disk_s, run, future))
        return future

    def catch_up(self) -> None:
        """Run the tasks that are due; those that they submit wait for their own time."""
        due = [task for task in self._waiting if task[0] <= self._clock.now_s]
        self._waiting = [task for task in self._waiting if task not in due]
        for _, run, future in due:
            if future.set_running_or_notify_cancel():
                run()


class Faults:
    """Damages artifacts and repairs them a while later, by a seed; never two faults of a file."""

    def __init__(self, entries: list[Entry], folder: Path, generator: random.Random) -> None:
        self._entries, self._folder, self._generator = entries, folder, generator
        self._content = {e.config_id: self._path(e).read_bytes() for e in entries}
        self._until_s: dict[str, float] = {}
        self.num_by_kind: Counter[str] = Counter()

    def _path(self, entry: Entry) -> Path:
        return self._folder / f"{entry.config_id}.onnx"

    def inject(self, kind: str, now_s: float, disk: SimulatedDisk) -> None:
        """Cause one fault, for 1 to 30 minutes."""
        until_s = now_s + self._generator.uniform(60, 1800)
        if kind == "slow disk":
            disk.disk_s = SLOW_DISK_S
            self._until_s[kind] = until_s
        else:
            whole = [e for e in self._entries if e.config_id not in self._until_s]
            if not whole:
                return
            entry = self._generator.choice(whole)
            self._until_s[entry.config_id] = until_s
            self._damage(kind, entry)
        self.num_by_kind[kind] += 1

    def delete_all(self, now_s: float, for_s: float) -> None:
        """Delete every artifact, as when the folder's share is gone."""
        for entry in self._entries:
            self._path(entry).unlink(missing_ok=True)
            self._until_s[entry.config_id] = now_s + for_s
        self.num_by_kind["all deleted"] += 1

    def repair(self, now_s: float, disk: SimulatedDisk) -> None:
        """Undo the faults whose time is over."""
        for name in [name for name, until_s in self._until_s.items() if until_s <= now_s]:
            del self._until_s[name]
            if name == "slow disk":
                disk.disk_s = DISK_S
            else:
                (self._folder / f"{name}.onnx").write_bytes(self._content[name])

    def _damage(self, kind: str, entry: Entry) -> None:
        path = self._path(entry)
        if kind == "deleted":
            path.unlink()
        elif kind == "truncated":
            path.write_bytes(self._content[entry.config_id][:-100])
        else:  # another network of the same size, as after a new training
            write_network(path, _width(entry), entry.config.resolution, seed=12345)
            assert path.stat().st_size == len(self._content[entry.config_id])


def _width(entry: Entry) -> int:
    """The width whose file `with_artifacts` wrote, for networks of WIDTHS."""
    return int(entry.num_params)


@dataclass(kw_only=True)
class Outcome:
    """What a simulated time came to."""

    num_batches: int = 0
    num_lost: int = 0
    """Batches that raised."""
    num_wrong: int = 0
    """Batches whose outputs are not those of the entry that the table names."""
    num_late: int = 0
    num_overloaded: int = 0
    """Batches at a load under which not even the fastest entry meets the target."""
    mean_top1: float = 0.0
    num_switches: int = 0
    num_loads: int = 0
    num_failed_loads: int = 0
    num_called_back: int = 0
    """Failed loads that the session called back for."""
    num_left_out_at_end: int = 0
    num_faults: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


def _loads(generator: random.Random) -> Iterator[float]:
    """One kind of load after the other, for ten minutes each at a batch a second."""
    kinds = [*DEVELOPMENT.values(), *HELD_OUT.values()]
    jitter = skewed_jitter(generator)
    while True:
        for level in islice(generator.choice(kinds)(generator), 600):
            yield level * next(jitter)


def serve(
    table: LookupTable,
    folder: Path,
    *,
    target_ms: float,
    duration_s: float,
    period_s: float,
    fault_every_s: float,
    all_deleted_s: tuple[float, float] | None = None,
    service_level: float | None = None,
    seed: int = 0,
) -> Outcome:
    """Run one batch a period; `all_deleted_s` is when all artifacts vanish, and for how long.

    `num_params` of each entry is the width that its network was written with.
    """
    generator = random.Random(seed)
    clock = SimulatedClock()
    disk = SimulatedDisk(clock)
    faults = Faults(list(table), folder, generator)
    loads = _loads(generator)
    outcome = Outcome()
    called_back: list[Exception] = []
    expected = _expected(table, folder)
    session = AdaptiveSession(
        table,
        folder,
        target_ms=target_ms,
        service_level=service_level,
        num_threads=table.target.num_threads,
        on_failure=lambda _, error: called_back.append(error),
        executor=disk,
        clock=clock,
    )
    fastest_ms = table.entries[0].latency.p50_ms
    next_fault_s, top1 = fault_every_s, 0.0
    while clock.now_s < duration_s:
        started_s = clock.now_s
        if started_s >= next_fault_s:
            faults.inject(generator.choice(FAULTS), started_s, disk)
            next_fault_s += generator.uniform(0, 2 * fault_every_s)
        if all_deleted_s is not None and started_s >= all_deleted_s[0]:
            faults.delete_all(started_s, all_deleted_s[1])
            all_deleted_s = None
        faults.repair(started_s, disk)
        disk.catch_up()
        entry, load = session.entry, next(loads)

        def prepare(side: int, entry: Entry = entry, load: float = load) -> NDArray[np.float32]:
            clock.batch_s = entry.latency.p50_ms * load / 1e3
            return np.ones((1, 3, side, side), np.float32)

        outcome.num_batches += 1
        outcome.num_overloaded += fastest_ms * load > target_ms
        top1 += entry.accuracy.top1
        try:
            outputs = session.run(prepare)
            outcome.num_wrong += outputs.tobytes() != expected[entry.config_id]
        except Exception:  # whatever it is, the batch is lost
            outcome.num_lost += 1
        clock.now_s = started_s + period_s
    stats = session.stats()
    session.close()
    outcome.mean_top1 = top1 / outcome.num_batches
    outcome.num_late, outcome.num_switches = stats.num_late, stats.num_switches
    outcome.num_loads, outcome.num_failed_loads = stats.num_loads, stats.num_failed_loads
    outcome.num_called_back = len(called_back)
    outcome.num_left_out_at_end = len(stats.left_out)
    outcome.num_faults = dict(faults.num_by_kind)
    return outcome


def _expected(table: LookupTable, folder: Path) -> dict[str, bytes]:
    """The outputs of each entry's network for the image that every batch has."""
    found = {}
    for entry in table:
        with AdaptiveSession(table, folder, target_ms=1e9, config_ids=[entry.config_id]) as session:
            found[entry.config_id] = session.run(
                lambda side: np.ones((1, 3, side, side), np.float32)
            ).tobytes()
    return found
