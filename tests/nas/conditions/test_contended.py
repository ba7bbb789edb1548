import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from nas.conditions.bench import Bench
from nas.conditions.contended import BUSY, busy_processes, contended
from nas.conditions.side_by_side import side_by_side
from nas.meter.rounds import Runnable


@pytest.fixture
def one_core() -> Iterator[None]:
    """This process and those that it starts may run on one core only."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system binds no process to a core")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.slow
def test_busy_processes_are_seen(
    new_bench: Callable[..., Bench], busy: Callable[..., Runnable], one_core: None
) -> None:
    """On one core with k busy processes of others, 8 more slow a network by (k + 9) / (k + 1)."""
    network = busy(0.005)
    bench = new_bench((network,), num_busy_processes=8)
    (alone,) = side_by_side((network,), bench, lambda _: None)
    found = contended(bench, lambda _: None)
    assert found.latencies["contended"][0].p50_ms > 1.5 * alone.p50_ms
    assert found.parameters == {"num_busy_processes": 8}


def test_they_are_busy_within_the_block_only(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []

    class Noted(subprocess.Popen[str]):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[call-overload]
            started.append(self)

    monkeypatch.setattr("nas.conditions.contended.subprocess.Popen", Noted)
    with busy_processes(2):
        assert [process.poll() for process in started] == [None, None]
    assert all(process.poll() is not None for process in started)
    with pytest.raises(KeyboardInterrupt), busy_processes(1):
        raise KeyboardInterrupt
    assert all(process.poll() is not None for process in started)


def test_they_end_with_a_parent_that_is_killed() -> None:
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", BUSY], stdin=pipe, stdout=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "busy\n"
    process.communicate(timeout=60)  # closes the pipe, as the end of the parent does
    assert process.returncode == 0
