"""The condition `contended`: beside processes that keep the cores busy.

Standard library only, because the kit packs this file.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from nas.conditions.bench import Bench, Progress, UnderCondition
from nas.conditions.side_by_side import side_by_side

# Ends with its parent, however that ends: the pipe of its input is then closed.
BUSY = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print("busy", flush=True)
while True:
    pass
"""


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """`number` other processes that compute all the time, at the priority of this one."""
    processes: list[subprocess.Popen[str]] = []
    try:
        for _ in range(number):
            command = [sys.executable, "-c", BUSY]
            pipe = subprocess.PIPE
            processes.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()  # it has begun
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def contended(bench: Bench, progress: Progress) -> UnderCondition:
    """Time the networks for `bench.max_s` seconds beside `bench.num_busy_processes` others."""
    with busy_processes(bench.num_busy_processes):
        latencies = side_by_side(bench.networks, bench, progress)
    parameters = {"num_busy_processes": bench.num_busy_processes}
    return UnderCondition({"contended": latencies}, parameters)
