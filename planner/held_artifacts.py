"""HeldArtifacts: a few loaded artifacts within a memory limit; others load in the background."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent import futures

from planner.errors import InvalidValue
from planner.failed_loads import FailedLoads
from planner.freed_memory import return_freed_memory
from planner.onnx_model import OnnxModel
from planner.warm import warm_set

MakeRoom = Callable[[], bool]
Load = Callable[[str, MakeRoom], OnnxModel | None]
"""Checks a file, then calls its second argument and, if that returns True, loads the file."""

logger = logging.getLogger("planner")


class HeldArtifacts:
    """The running artifact and its warm set, by config_id; every method is thread-safe.

    While the wanted artifact loads, the most accurate loaded one that is no slower stands in for
    it, or the fastest. One artifact loads at a time, as one task of the executor. The task checks
    the file before it drops any loaded artifact to make room, so a damaged file costs nothing. The
    callbacks are called without a lock held, from the thread that caused the event; what they
    raise is logged.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        load: Load,
        running: str,
        *,
        limit: float,
        retry_s: float,
        on_switch: Callable[[str, str], None],
        on_failure: Callable[[str, Exception], None],
        executor: futures.Executor | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Load `running` and its warm set; raises what `load` raises.

        `sizes` are in bytes, from the fastest entry to the most accurate; their loaded sum stays
        within `limit`. `on_switch` receives the old and the new config_id.
        """
        self._sizes, self._load, self._limit = dict(sizes), load, limit
        self._rank = {name: index for index, name in enumerate(sizes)}
        self._on_switch, self._on_failure = on_switch, on_failure
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = FailedLoads(retry_s)
        self._wanted = self._running = running
        self._is_loading = False
        self._task: futures.Future[None] | None = None
        self._loaders: set[int] = set()  # threads that run a task
        self._is_closed = False
        self._held: dict[str, OnnxModel] = {}
        self._num_loads = 0
        for name in self._warm_set():
            model = load(name, lambda: True)
            assert model is not None
            self._held[name] = model
            self._num_loads += 1
        self._own_executor = executor is None
        self._executor = executor or futures.ThreadPoolExecutor(1, "planner-loader")

    @property
    def running(self) -> str:
        """The artifact that runs the next batch."""
        return self._running

    @property
    def names(self) -> tuple[str, ...]:
        """The loaded artifacts."""
        with self._lock:
            return tuple(self._held)

    @property
    def num_loads(self) -> int:
        """Artifacts loaded so far, those of the start included."""
        return self._num_loads

    @property
    def num_failed_loads(self) -> int:
        """Loads that failed so far."""
        return self._failed.num_failures

    def left_out(self) -> Mapping[str, Exception]:
        """The artifacts that are not used for now because loading them failed."""
        with self._lock:
            return self._failed.left_out

    def release_due(self, now_s: float) -> bool:
        """Readmit artifacts whose wait after a failure is over; return whether there was one."""
        with self._lock:
            return self._failed.release_due(now_s)

    def current(self) -> tuple[str, OnnxModel]:
        """Return the running artifact and its network; raise InvalidValue after `close`."""
        with self._lock:
            if self._is_closed:
                raise InvalidValue("the session must be open, but it was closed")
            return self._running, self._held[self._running]

    def want(self, name: str) -> None:
        """Run `name` at once if it is loaded; otherwise load it, and run a stand-in until then."""
        with self._lock:
            if self._is_closed:
                return
            before, self._wanted = self._running, name
            self._running = self._stand_in(self._held)
            if name not in self._held and not self._is_loading:
                self._submit(name)
            after = self._running
        self._tell_switch(before, after)

    def wait(self) -> None:
        """Wait until nothing is loading."""
        while (task := self._task) is not None:
            futures.wait([task])
            if task is self._task:  # it submitted no other
                return

    def close(self) -> None:
        """Load nothing more, wait for the load that is under way, and drop all artifacts."""
        with self._lock:
            self._is_closed = True
            if self._task is not None and self._task.cancel():
                self._task, self._is_loading = None, False
        is_loader = threading.get_ident() in self._loaders  # a callback closes the session
        if not is_loader:
            self.wait()
        if self._own_executor:
            self._executor.shutdown(wait=not is_loader)
        with self._lock:
            self._held = {}
        return_freed_memory()

    def _warm_set(self) -> list[str]:
        left_out = self._failed.left_out
        sizes = {n: s for n, s in self._sizes.items() if n not in left_out or n == self._wanted}
        return warm_set(sizes, self._wanted, self._limit)

    def _submit(self, name: str) -> None:
        try:
            self._task = self._executor.submit(self._load_one, name)
            self._is_loading = True
        except RuntimeError:  # the executor is shut down, as at the interpreter's exit
            self._is_loading = False

    def _load_one(self, name: str) -> None:
        self._loaders.add(threading.get_ident())
        try:
            self._load_and_go_on(name)
        finally:
            self._loaders.discard(threading.get_ident())

    def _load_and_go_on(self, name: str) -> None:
        """Load one artifact and submit the next that is missing in the warm set."""
        model = None
        try:
            model = self._load(name, lambda: self._make_room(name))
        except Exception as error:  # counted and reported; the thread has no caller to raise to
            self._note_failure(name, error)
        with self._lock:
            before = self._running
            if model is not None and not self._is_closed:
                self._held[name] = model
                self._num_loads += 1
                self._failed.forget(name)
                self._running = self._stand_in(self._held)
            after = self._running
            self._go_on()
        del model
        return_freed_memory()  # what loading took is freed, too
        self._tell_switch(before, after)

    def _note_failure(self, name: str, error: Exception) -> None:
        with self._lock:
            self._failed.add(name, error, self._clock())
            if name == self._wanted:
                self._wanted = self._running
        _call(self._on_failure, name, error)

    def _make_room(self, name: str) -> bool:
        """Drop what lies outside the warm set; return False if `name` is no longer in it."""
        with self._lock:
            wanted = self._warm_set()
            if self._is_closed or name not in wanted:
                return False
            before = self._running
            stay = {one for one in wanted if one in self._held} or {self._running}
            self._running = after = self._stand_in(stay)
            self._keep(stay)
        return_freed_memory()
        self._tell_switch(before, after)
        return True

    def _stand_in(self, names: Collection[str]) -> str:
        """The most accurate of some loaded artifacts that is no slower than the wanted one."""
        rank = self._rank
        no_slower = [name for name in names if rank[name] <= rank[self._wanted]]
        if no_slower:
            return max(no_slower, key=rank.__getitem__)
        return min(names, key=rank.__getitem__)

    def _go_on(self) -> None:
        """Submit the next load, or drop what is no longer wanted."""
        wanted = self._warm_set()
        missing = next((name for name in wanted if name not in self._held), None)
        if missing is not None and not self._is_closed:
            self._submit(missing)
        else:
            self._is_loading = False
            self._keep({*wanted, self._running})

    def _keep(self, names: set[str]) -> None:
        self._held = {name: model for name, model in self._held.items() if name in names}

    def _tell_switch(self, before: str, after: str) -> None:
        if after != before:
            _call(self._on_switch, before, after)


def _call(callback: Callable[..., None], *arguments: object) -> None:
    try:
        callback(*arguments)
    except Exception:  # a batch or a load must not fail because a callback does
        logger.exception("a callback of the session failed")
