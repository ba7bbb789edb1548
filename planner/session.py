"""AdaptiveSession: run a table's artifacts in ONNX Runtime, switching as the load changes.

Needs the extra `runtime` (onnxruntime and numpy); `import planner` doesn't import them.
"""

import logging
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import Executor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from planner.artifacts import artifact_path, check_artifact
from planner.controller import Controller
from planner.entry import Entry
from planner.errors import DamagedTable, InvalidValue, TargetWarning, shown
from planner.held_artifacts import HeldArtifacts, MakeRoom
from planner.input_batch import preprocess
from planner.onnx_model import OnnxModel
from planner.preprocessing import Photo
from planner.session_stats import SessionStats
from planner.softmax import class_probabilities
from planner.table import LookupTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

Prepare = Callable[[int], "NDArray[Any]"]
RUNTIME = "onnxruntime"
RETRY_S = 60.0

logger = logging.getLogger("planner")


class AdaptiveSession:
    """Runs each batch on the most accurate entry that meets the latency target under the load.

    Artifacts of different widths share no weights, so the session saves memory by loading only a
    few: the running one, the fastest and the nearest ones, up to `memory` times the size of the
    largest. Switching between loaded artifacts takes microseconds. A thread loads any other one;
    until then the most accurate loaded one that is no slower runs in its place. Artifacts are
    unloaded first to make room, so the limit also holds during loading if the fastest is at most
    (memory - 1) times the largest.

    The size and sha256 of a file are checked at each load. If a load fails while the session runs,
    the entry is left out and the batches go on with the others; see `FailedLoads` for when it is
    tried again.

    All methods are thread-safe. Threads that call `run` at the same time run at the same time;
    what they slow each other down counts as load. Use the session as a context manager or call
    `close`; a process that ends without it waits only for the one file being loaded.
    """

    def __init__(
        self,
        table: LookupTable,
        folder: str | Path,
        *,
        target_ms: float,
        service_level: float | None = None,
        config_ids: Collection[str] | None = None,
        num_threads: int | None = None,
        memory: float = 1.5,
        retry_s: float = RETRY_S,
        on_switch: Callable[[Entry, Entry], None] | None = None,
        on_failure: Callable[[Entry, Exception], None] | None = None,
        executor: Executor | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Check every artifact in `folder` and load those within the limit.

        Args:
            table: the entries, and the target that says how they were timed; `table.under(...)` to
                choose by the latencies under another condition than steady.
            folder: where the artifacts are.
            target_ms: the time that a batch may take in the network.
            service_level: the share of the batches that must meet it, such as 0.99; by default
                the controller weighs late batches against accuracy.
            config_ids: the entries to use, such as those of a plan; by default all.
            num_threads: threads of ONNX Runtime; by default as many as the table was timed with.
            memory: the limit, as a multiple of the largest artifact's size.
            retry_s: seconds after which an entry whose load failed is tried again. The wait
                doubles with each failure, up to 64 times as long.
            on_switch: receives the old and the new entry.
            on_failure: receives the entry and the error of a load that failed after the start; by
                default a warning is logged. Both callbacks are called from any thread, and what
                they raise is logged.
            executor: runs the loads, in threads of its own; by default the session has one thread.
            clock: in seconds, monotonic.

        Raises InvalidValue if onnxruntime is missing or an argument is outside its range, and
        DamagedTable for an artifact that doesn't match the table. Warns (TargetWarning) if the
        table was timed in another runtime or with another number of threads.
        """
        folder = Path(folder)
        self._table = table
        self._entries = _chosen(table, config_ids)
        self._num_threads = self._checked_threads(num_threads)
        self._folder, self._clock = folder, clock
        self.on_switch, self.on_failure = on_switch, on_failure
        self._lock = threading.Lock()
        self._num_late = self._num_switches = 0
        self._num_batches: Counter[str] = Counter()
        self._has_warned_of_batch = False
        self.controller = Controller(self._entries.values(), target_ms, service_level=service_level)
        for entry in self._entries.values():
            check_artifact(entry, folder)
        sizes = {name: e.artifact.size_bytes for name, e in self._entries.items() if e.artifact}
        self._artifacts = HeldArtifacts(
            sizes,
            self._load,
            self.controller.entry.config_id,
            limit=memory * max(sizes.values()),
            retry_s=retry_s,
            on_switch=self._note_switch,
            on_failure=self._note_failure,
            executor=executor,
            clock=clock,
        )

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the session."""
        self.close()

    @property
    def entry(self) -> Entry:
        """The entry that will run the next batch."""
        return self._entries[self._artifacts.running]

    @property
    def held(self) -> tuple[str, ...]:
        """The config_ids of the loaded artifacts."""
        return self._artifacts.names

    def run(self, prepare: Prepare) -> "NDArray[Any]":
        """Return the network's outputs for the batch that `prepare(resolution)` returns.

        A batch is what the artifact takes, as `preprocess` makes it: uint8 (N, resolution,
        resolution, 3), not normalised. Only the network is timed, not `prepare`; the next batch may
        run on another entry. Raises InvalidValue for another batch and after `close`, and what
        `prepare` and ONNX Runtime raise.
        """
        name, model = self._artifacts.current()
        entry = self._entries[name]
        batch = prepare(entry.config.resolution)
        self._check_batch(batch)
        start_s = self._clock()
        outputs = model.run(batch)
        end_s = self._clock()
        del model  # a switch may now drop it, and return its memory at once
        self._note_batch(entry, start_s, end_s)
        return outputs

    def predict(self, photo: Photo) -> list[tuple[str, float]]:
        """Return (class, probability) pairs for one photo, the most probable first; see `run`.

        `photo` is a file, a Pillow image or uint8 pixels (height, width, 3). Copies of it fill the
        batch. Raises InvalidValue unless the table says how photos are prepared.
        """
        table = self._table

        def batch(resolution: int) -> "NDArray[Any]":
            pixels = preprocess(table, [photo], resolution)
            return pixels.repeat(table.target.batch_size, axis=0)

        return class_probabilities(table.supernet["class_names"], self.run(batch)[0])

    def switch(self, config_id: str) -> None:
        """Run `config_id` from the next batch on, or as soon as it is loaded; InvalidValue."""
        if config_id not in self._entries:
            raise InvalidValue(f"`config_id` must be in the table, but got {shown(config_id)}")
        self._artifacts.want(config_id)

    def wait(self) -> None:
        """Wait until nothing is loading."""
        self._artifacts.wait()

    def stats(self) -> SessionStats:
        """Return counts and the current state."""
        left_out = self._artifacts.left_out()
        with self._lock:
            running = self._artifacts.running
            return SessionStats(
                config_id=running,
                condition=self._table.condition,
                promised_ms=self._entries[running].latency.p50_ms,
                held=self._artifacts.names,
                left_out={name: str(error) for name, error in left_out.items()},
                load=self.controller.load,
                num_batches=self._num_batches.total(),
                num_late=self._num_late,
                num_batches_by_config_id=dict(self._num_batches),
                num_switches=self._num_switches,
                num_loads=self._artifacts.num_loads,
                num_failed_loads=self._artifacts.num_failed_loads,
            )

    def close(self) -> None:
        """Stop loading and drop the artifacts; batches that are running in threads still end.

        Waits for the file that is being loaded. May be called more than once.
        """
        self._artifacts.close()

    def _note_batch(self, entry: Entry, start_s: float, end_s: float) -> None:
        """Count the batch and run what the controller chooses for the next one."""
        elapsed_ms = (end_s - start_s) * 1e3
        with self._lock:
            self._num_batches[entry.config_id] += 1
            self._num_late += elapsed_ms > self.controller.target_ms
            if self._artifacts.release_due(end_s):
                self._choose_from_usable()
            if elapsed_ms > 0:  # a coarse clock can't tell
                self.controller.observe(elapsed_ms, entry)
            wanted = self.controller.entry.config_id
        self._artifacts.want(wanted)

    def _choose_from_usable(self) -> None:
        left_out = self._artifacts.left_out()
        usable = [entry for name, entry in self._entries.items() if name not in left_out]
        # If all are left out, the batches go on with those that are loaded.
        held = self._artifacts.names
        self.controller.choose_from(usable or [self._entries[name] for name in held])

    def _note_switch(self, before: str, after: str) -> None:
        with self._lock:
            self._num_switches += 1
        if self.on_switch is not None:
            self.on_switch(self._entries[before], self._entries[after])

    def _note_failure(self, name: str, error: Exception) -> None:
        with self._lock:
            self._choose_from_usable()
        if self.on_failure is None:
            logger.warning("%s is left out for now: %s", name, error)
        else:
            self.on_failure(self._entries[name], error)

    def _load(self, name: str, make_room: MakeRoom) -> OnnxModel | None:
        """Check an artifact and load it; None if it is no longer wanted once it is checked."""
        entry = self._entries[name]
        before = _identity(artifact_path(entry, self._folder))
        path = check_artifact(entry, self._folder)
        if not make_room():
            return None
        model = OnnxModel(path, self._num_threads)
        if _identity(path) != before:
            # ONNX Runtime reads the file itself; from bytes it would keep a second copy of them.
            raise DamagedTable(f"{path} must not change while it is loaded, but it was replaced")
        return model

    def _checked_threads(self, num_threads: int | None) -> int:
        if self._table.target.runtime != RUNTIME:
            _warn(f"was timed in {self._table.target.runtime}, but this session runs {RUNTIME}")
        if num_threads is None:
            return self._table.target.num_threads
        if not isinstance(num_threads, int) or num_threads < 1:
            raise InvalidValue(f"`num_threads` must be 1 or more, but got {shown(num_threads)}")
        if num_threads != self._table.target.num_threads:
            _warn(
                f"was timed with {self._table.target.num_threads} threads, but this session runs "
                f"{num_threads}"
            )
        return num_threads

    def _check_batch(self, batch: "NDArray[Any]") -> None:
        if not (shape := getattr(batch, "shape", ())):
            return  # no batch, which the network refuses
        size = shape[0]
        if size != self._table.target.batch_size and not self._has_warned_of_batch:
            self._has_warned_of_batch = True
            _warn(
                f"was timed with batches of {self._table.target.batch_size}, but got one of {size}"
            )


def _chosen(table: LookupTable, config_ids: Collection[str] | None) -> dict[str, Entry]:
    unknown = set(config_ids or ()) - table.by_config_id.keys()
    if unknown or (config_ids is not None and not config_ids):
        raise InvalidValue(
            f"`config_ids` must name entries of the table, but got {shown(sorted(unknown))}"
        )
    return {n: e for n, e in table.by_config_id.items() if config_ids is None or n in config_ids}


def _identity(path: Path) -> tuple[int, int, int, int] | None:
    """Changes whenever a file is replaced or written; None for a file that can't be read."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _warn(what: str) -> None:
    warnings.warn(
        f"the table {what}; latencies may differ from the table's", TargetWarning, stacklevel=4
    )
