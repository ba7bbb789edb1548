"""With models that are mere names: which are held when, and what happens to a load that fails."""

import itertools
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from planner import InvalidValue
from planner.held_artifacts import HeldArtifacts, MakeRoom
from planner.onnx_model import OnnxModel

SIZES = {"a": 10, "b": 40, "c": 60, "d": 100}


class Disk:
    """Loads names, waits where asked to, and fails for those in `bad`."""

    def __init__(self) -> None:
        self.bad: set[str] = set()
        self.loaded: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.started = threading.Event()

    def load(self, name: str, make_room: MakeRoom) -> OnnxModel | None:
        self.started.set()
        assert self.go_on.wait(10)
        if name in self.bad:
            raise OSError(f"{name} is gone")
        if not make_room():
            return None
        self.loaded.append(name)
        return cast("OnnxModel", name)


class Events:
    def __init__(self) -> None:
        self.switches: list[tuple[str, str]] = []
        self.failures: list[str] = []

    def failed(self, name: str, _: Exception) -> None:
        self.failures.append(name)

    def switched(self, before: str, after: str) -> None:
        self.switches.append((before, after))


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def new_artifacts(disk: Disk, events: Events) -> Callable[..., HeldArtifacts]:
    def make(
        running: str, limit: float = 150.0, clock: Callable[[], float] = float
    ) -> HeldArtifacts:
        return HeldArtifacts(
            SIZES,
            disk.load,
            running,
            limit=limit,
            retry_s=10.0,
            on_switch=events.switched,
            on_failure=events.failed,
            clock=clock,
        )

    return make


def test_the_warm_set_is_loaded_at_the_start(
    new_artifacts: Callable[..., HeldArtifacts], disk: Disk
) -> None:
    artifacts = new_artifacts("d")
    assert artifacts.names == ("d", "a", "b")
    assert artifacts.running == "d"
    assert disk.loaded == ["d", "a", "b"]


def test_what_is_wanted_runs_once_it_is_loaded(
    new_artifacts: Callable[..., HeldArtifacts], events: Events, disk: Disk
) -> None:
    artifacts = new_artifacts("d")
    disk.go_on.clear()
    artifacts.want("c")
    assert artifacts.current()[0] == "b", "the most accurate that is held and no slower"
    disk.go_on.set()
    artifacts.wait()
    assert artifacts.running == "c"
    assert set(artifacts.names) == {"a", "b", "c"}
    assert events.switches[-1][1] == "c"
    assert artifacts.num_loads == 4


def test_while_something_loads_the_last_wish_counts(
    new_artifacts: Callable[..., HeldArtifacts], disk: Disk
) -> None:
    artifacts = new_artifacts("a", limit=110)
    assert set(artifacts.names) == {"a", "b", "c"}
    disk.go_on.clear()
    artifacts.want("d")
    for wish in ("b", "a", "c"):
        artifacts.want(wish)
    assert artifacts.running == "c"
    disk.go_on.set()
    artifacts.wait()
    assert artifacts.running == "c"
    assert "d" not in disk.loaded, "what is no longer wanted is not loaded"


def test_a_failed_load_drops_nothing_and_leaves_the_name_out(
    new_artifacts: Callable[..., HeldArtifacts], disk: Disk, events: Events
) -> None:
    now = [0.0]
    artifacts = new_artifacts("d", clock=lambda: now[0])
    before = artifacts.names
    disk.bad = {"c"}
    artifacts.want("c")
    artifacts.wait()
    assert set(artifacts.names) >= set(before)
    assert artifacts.running == "b"
    assert events.failures == ["c"]
    assert list(artifacts.left_out()) == ["c"]
    artifacts.want("b")
    artifacts.wait()
    assert events.failures == ["c"], "it isn't tried as a neighbour, either"
    assert not artifacts.release_due(9.0)
    assert artifacts.release_due(10.0)
    disk.bad = set()
    artifacts.want("c")
    artifacts.wait()
    assert artifacts.running == "c"
    assert artifacts.num_failed_loads == 1


def test_closing_waits_for_one_load_and_drops_all(
    new_artifacts: Callable[..., HeldArtifacts], disk: Disk
) -> None:
    artifacts = new_artifacts("d", limit=100.0)
    disk.go_on.clear()
    disk.started.clear()
    artifacts.want("a")
    assert disk.started.wait(10)
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(artifacts.close)
        disk.go_on.set()
        closing.result(10)
    assert artifacts.names == ()
    with pytest.raises(InvalidValue, match="was closed"):
        artifacts.current()
    artifacts.want("b")
    assert artifacts.names == ()
    artifacts.close()


def test_without_its_executor_it_runs_on_what_it_holds(disk: Disk, events: Events) -> None:
    """As in a process that ends."""
    executor = ThreadPoolExecutor(1)
    artifacts = HeldArtifacts(
        SIZES,
        disk.load,
        "a",
        limit=50.0,
        retry_s=10.0,
        on_switch=events.switched,
        on_failure=events.failed,
        executor=executor,
    )
    executor.shutdown()
    artifacts.want("d")
    artifacts.wait()
    assert artifacts.current()[0] == "b"


def test_many_threads_and_failing_loads_neither_block_nor_exceed_the_limit(
    disk: Disk, events: Events
) -> None:
    generator = random.Random(0)

    def load(name: str, make_room: MakeRoom) -> OnnxModel | None:
        if generator.random() < 0.3:
            raise OSError("gone")
        return disk.load(name, make_room)

    now = itertools.count()
    artifacts = HeldArtifacts(
        SIZES,
        disk.load,
        "a",
        limit=150.0,
        retry_s=5.0,
        on_switch=events.switched,
        on_failure=events.failed,
        clock=lambda: float(next(now)),
    )
    artifacts._load = load
    too_much: list[tuple[str, ...]] = []

    def work(seed: int) -> None:
        own = random.Random(seed)
        while artifacts.num_loads < 30:
            artifacts.want(own.choice("abcd"))
            assert artifacts.current()[0] in SIZES
            held = artifacts.names
            if sum(SIZES[name] for name in held) > 150:
                too_much.append(held)
            artifacts.left_out()
            artifacts.release_due(float(next(now)))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, seed) for seed in range(4)]:
            done.result(60)
    artifacts.wait()
    assert not too_much
    assert artifacts.num_failed_loads == len(events.failures) > 0
    artifacts.close()
