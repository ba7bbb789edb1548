"""Counts pages that the system hands out; how long it takes is measured in benchmarks."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from supernet.train.allocator import keep_freed_memory

PROGRAM = """
import resource
import torch
from supernet.train.allocator import keep_freed_memory

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(20_000_000)  # 80 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

pages()
before, kept = pages(), keep_freed_memory()
pages()
print(before, kept, pages())
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc")
def test_memory_that_is_needed_again_is_not_returned() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    before, kept, after = done.stdout.split()
    assert kept == "True"
    assert int(after) < int(before) / 10


def test_a_glibc_that_limits_the_mmap_threshold_takes_the_values_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def mallopt(option: int, value: int) -> int:
        m_mmap_threshold, limit = -3, 32 * 2**20
        return int(option != m_mmap_threshold or value <= limit)

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("ctypes.CDLL", lambda name: SimpleNamespace(mallopt=mallopt))
    assert keep_freed_memory()
