"""AdaptiveSession: run a table's artifacts in ONNX Runtime, switching as the load changes.

Needs the extra `runtime` (onnxruntime and numpy); `import planner` doesn't import them.
"""

import ctypes
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.artifacts import check_artifact
from planner.controller import Controller
from planner.entry import Entry
from planner.errors import DamagedTable, InvalidValue, shown
from planner.input_batch import preprocess
from planner.preprocessing import Photo
from planner.softmax import class_probabilities
from planner.table import LookupTable
from planner.warm import warm_set

if TYPE_CHECKING:
    from numpy.typing import NDArray

Prepare = Callable[[int], "NDArray[Any]"]


class AdaptiveSession:
    """Runs each batch on the most accurate entry that meets the latency target under the load.

    Artifacts of different widths share no weights, so the session saves memory by loading only a
    few: the running one, the fastest and the nearest ones, up to `memory` times the size of the
    largest. Switching between loaded artifacts takes microseconds. A thread loads any other one
    while the session keeps running a loaded one. It unloads artifacts first to make room, so the
    limit also holds during loading if the fastest is at most (memory - 1) times the largest.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        folder: Path,
        *,
        target_ms: float,
        num_threads: int = 1,
        memory: float = 1.5,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Check the sha256 of every artifact in `folder` and load those within the limit.

        `memory` is the limit as a multiple of the largest artifact's size. Raises InvalidValue if
        onnxruntime is missing or `target_ms` isn't positive, and DamagedTable for an artifact
        that doesn't match the table.
        """
        self._table = entries if isinstance(entries, LookupTable) else None
        self._entries = {entry.config_id: entry for entry in entries}
        self.controller = Controller(self._entries.values(), target_ms)
        self._paths = {name: check_artifact(e, folder) for name, e in self._entries.items()}
        self._sizes = {name: path.stat().st_size for name, path in self._paths.items()}
        self._limit = memory * max(self._sizes.values())
        self._num_threads = num_threads
        self._clock = clock
        self._lock = threading.Lock()
        self._loader: threading.Thread | None = None
        self._held: dict[str, Any] = {}
        self._running = self.controller.entry.config_id
        self._hold(self._running)

    @property
    def entry(self) -> Entry:
        """The entry that will run the next batch."""
        return self._entries[self._running]

    @property
    def held(self) -> tuple[str, ...]:
        """The config_ids of the loaded artifacts."""
        return tuple(self._held)

    def run(self, prepare: Prepare) -> "NDArray[Any]":
        """Return the network's outputs for the batch that `prepare(resolution)` returns.

        Only the network is timed, not `prepare`; the next batch may run on another entry.
        """
        with self._lock:
            name = self._running
            session = self._held[name]
        batch = prepare(self._entries[name].config.resolution)
        start = self._clock()
        (outputs,) = session.run(None, {session.get_inputs()[0].name: batch})
        elapsed_ms = (self._clock() - start) * 1e3
        # While the controller's choice is loading, another entry runs. Its time also measures the
        # load, once it is scaled to the controller's entry.
        scale = self.controller.entry.latency.p50_ms / self._entries[name].latency.p50_ms
        self.switch(self.controller.observe(elapsed_ms * scale).config_id)
        result: NDArray[Any] = outputs
        return result

    def predict(self, photo: Photo) -> list[tuple[str, float]]:
        """Return (class, probability) pairs for one photo, the most probable first; see `run`.

        `photo` is a file, a Pillow image or uint8 pixels (height, width, 3). Copies of it fill the
        batch. Raises InvalidValue unless the session was given a LookupTable, and one that says how
        photos are prepared.
        """
        table = self._table
        if table is None:
            raise InvalidValue("`predict` needs the session to be given the LookupTable itself")

        def batch(resolution: int) -> "NDArray[Any]":
            pixels = preprocess(table, [photo], resolution)
            return pixels.repeat(table.target.batch_size, axis=0)

        return class_probabilities(table.supernet["class_names"], self.run(batch)[0])

    def switch(self, config_id: str) -> None:
        """Run `config_id` from the next batch on, or as soon as it is loaded; InvalidValue."""
        if config_id not in self._entries:
            raise InvalidValue(f"`config_id` must be in the table, but got {shown(config_id)}")
        with self._lock:
            if config_id in self._held:
                self._running = config_id
            elif self._loader is None or not self._loader.is_alive():
                self._loader = threading.Thread(target=self._hold, args=(config_id,), daemon=True)
                self._loader.start()

    def wait(self) -> None:
        """Wait until the loading thread has finished."""
        if self._loader is not None:
            self._loader.join()

    def _hold(self, running: str) -> None:
        """Unload artifacts outside the warm set of `running`, load the missing ones and switch."""
        wanted = warm_set(self._sizes, running, self._limit)
        with self._lock:
            stay = [name for name in self._held if name in wanted]
            if stay and self._running not in stay:
                self._running = stay[0]
            keep = {*stay, self._running}
            self._held = {name: s for name, s in self._held.items() if name in keep}
        _return_freed_memory()
        for name in wanted:
            if name not in self._held:
                session = self._load(name)
                with self._lock:
                    self._held[name] = session
            if name == running:
                with self._lock:
                    self._running = name
        with self._lock:
            self._held = {name: s for name, s in self._held.items() if name in wanted}
        _return_freed_memory()

    def _load(self, name: str) -> Any:
        try:
            import onnxruntime
        except ImportError as error:
            raise InvalidValue(
                "onnxruntime must be installed: pip install 'mutualnas[runtime]'"
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._num_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(
                str(self._paths[name]), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime documents no exception class
            raise DamagedTable(
                f"{self._paths[name]} must be a model that ONNX Runtime can load, but it reports: "
                + " ".join(str(error).split())[:200]
            ) from error
        _warm_up(session)
        return session


def _return_freed_memory() -> None:
    """Return freed memory to the system; glibc would retain up to the size of the sessions."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _warm_up(session: Any) -> None:
    """Run twice on zeros: a network's first run allocates memory and is many times slower."""
    import numpy

    feed = session.get_inputs()[0]
    shape = [side if isinstance(side, int) else 1 for side in feed.shape]
    dtype = numpy.uint8 if feed.type == "tensor(uint8)" else numpy.float32
    for _ in range(2):
        session.run(None, {feed.name: numpy.zeros(shape, dtype)})
