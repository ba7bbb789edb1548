"""How many cores this process may use: its CPU affinity and the quota of its cgroups.

A container's limit is usually a quota: all cores of the host are visible, but once the threads have
used up their time in a period (100 ms), all of them are stopped until the next one begins. A thread
per visible core would therefore be stopped most of the time. Both versions of cgroups are read.

Standard library only, because a kit (`nas.kit`) packs this file.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
"""Where the system's files are; tests set up others."""


@dataclass(frozen=True)
class Cores:
    """What limits the cores of a process."""

    processors: frozenset[int]
    """Numbers of the processors that it may be scheduled on."""
    quota: float | None
    """Its share of time, in cores, of the narrowest cgroup that it is in; None: no limit."""

    @property
    def num_usable(self) -> int:
        """The most threads that can run at full speed all the time; at least 1."""
        limits = [len(self.processors)] + ([] if self.quota is None else [int(self.quota)])
        return max(1, min(limits))

    def __str__(self) -> str:
        """Name the limits, for error messages."""
        quota = "no quota" if self.quota is None else f"a quota of {self.quota:.3g}"
        return f"affinity to {len(self.processors)}, {quota}"


def usable_cores() -> Cores:
    """The limits of this process at this moment.

    Where the system has no affinity (macOS) or cgroups (macOS, Windows), all of its cores count.
    """
    folders = (folder for cgroup in cpu_cgroups() for folder in cgroup)
    quotas = [quota for folder in folders if (quota := _quota(folder)) is not None]
    return Cores(_processors(), min(quotas, default=None))


def _processors() -> frozenset[int]:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def cpu_cgroups() -> Iterator[tuple[Path, ...]]:
    """For each hierarchy of cgroups that limits time: the folder of this process's own cgroup, then
    of those around it. Empty where there are no cgroups."""
    mounts = [line.split() for line in _lines("proc/self/mountinfo")]
    for line in _lines("proc/self/cgroup"):
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if number == "0" and not controllers:
            kind, controller = "cgroup2", ""
        elif "cpu" in controllers.split(","):
            kind, controller = "cgroup", "cpu"
        else:
            continue
        for mount in mounts:
            # mountinfo: ... root mount-point options [more] - type source superoptions
            type_, _, options = (*mount[mount.index("-") + 1 :], "", "", "")[:3]
            if type_ == kind and (not controller or controller in options.split(",")):
                yield _cgroup_and_around(mount[3], mount[4], path)


def _cgroup_and_around(mounted: str, mount_point: str, path: str) -> tuple[Path, ...]:
    """The folder of cgroup `path` and those around it, where `mounted` is at `mount_point`."""
    top = ROOT / mount_point.lstrip("/")
    inside = Path(path.removeprefix(mounted.rstrip("/")).lstrip("/"))
    folder = top if ".." in inside.parts else top / inside
    around = folder.relative_to(top).parents
    return (folder, *(top / each for each in around))


def _quota(cgroup: Path) -> float | None:
    """The quota of one cgroup in cores; None if it has none."""
    try:
        if (cgroup / "cpu.max").is_file():
            quota, period = (cgroup / "cpu.max").read_text().split()
        else:
            quota = (cgroup / "cpu.cfs_quota_us").read_text()
            period = (cgroup / "cpu.cfs_period_us").read_text()
        cores = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no such files, or "max"
        return None
    return cores if cores > 0 else None  # -1: no limit


def _lines(path: str) -> list[str]:
    try:
        return (ROOT / path).read_text().splitlines()
    except OSError:
        return []
