"""The condition `quota`: in a cgroup that gets half of the cores that the threads would use.

That is how containers are limited (`docker run --cpus`). Within each period of 100 ms the process
runs at full speed until its share is used up, and is then stopped for the rest: the median hardly
changes, but some calls take tens of milliseconds longer.

Standard library only, because the kit packs this file.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nas.conditions.bench import Bench, Progress, UnderCondition
from nas.conditions.side_by_side import side_by_side
from nas.errors import NasError
from supernet.cores import cpu_cgroups

PERIOD_US = 100_000
CORES_PER_THREAD = 0.5


def quota(bench: Bench, progress: Progress) -> UnderCondition:
    """Time the networks for `bench.max_s` seconds; raises NasError like `cpu_quota`."""
    cores = CORES_PER_THREAD * bench.num_threads
    with cpu_quota(cores):
        latencies = side_by_side(bench.networks, bench, progress)
    parameters = {"quota_cores": cores, "period_ms": PERIOD_US / 1000}
    return UnderCondition({"quota": latencies}, parameters)


@contextmanager
def cpu_quota(cores: float) -> Iterator[None]:
    """Put this process into a new cgroup with a quota of `cores`, and back at the end.

    Raises NasError where no cgroup can be made: only root may, in most containers not even root.
    """
    own, group = _entered(cores)
    try:
        yield
    finally:
        _move_to(own)
        group.rmdir()


def _entered(cores: float) -> tuple[Path, Path]:
    """The cgroup that this process was in, and the new one that it is in now."""
    for own, *around in cpu_cgroups():
        for parent in (own, *around):
            group = parent / f"mutualnas-{os.getpid()}"
            try:
                _make(group, cores)
                _move_to(group)
            except OSError:
                with suppress(OSError):
                    group.rmdir()
            else:
                return own, group
    raise NasError(
        "the condition quota must be able to make a cgroup with a quota of its own, but can't on "
        "this system; measure as root where cgroups are writable, or leave quota out"
    )


def _make(group: Path, cores: float) -> None:
    limit_us = int(cores * PERIOD_US)
    if (group.parent / "cpu.cfs_quota_us").is_file():  # cgroups of version 1
        group.mkdir()
        _set(group / "cpu.cfs_period_us", PERIOD_US)
        _set(group / "cpu.cfs_quota_us", limit_us)
    else:
        _set(group.parent / "cgroup.subtree_control", "+cpu")
        group.mkdir()
        _set(group / "cpu.max", f"{limit_us} {PERIOD_US}")


def _move_to(group: Path) -> None:
    _set(group / "cgroup.procs", os.getpid())


def _set(file: Path, value: object) -> None:
    with file.open("r+") as stream:  # never creates a file
        stream.write(str(value))
