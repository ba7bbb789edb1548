import os
from collections.abc import Callable
from pathlib import Path

import pytest

import supernet.cores
from supernet.cores import Cores, usable_cores
from supernet.data.decode import num_workers

V2 = "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "32 31 0:29 /docker/ab /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"
OTHER = "33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset"

System = Callable[[str, str, dict[str, str]], None]


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """Makes a system of eight processors with these mounts, cgroups of the process and files."""
    monkeypatch.setattr(supernet.cores, "ROOT", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)

    def make(mounts: str, cgroups: str, files: dict[str, str]) -> None:
        for name, text in {
            "proc/self/mountinfo": mounts,
            "proc/self/cgroup": cgroups,
            **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
        }.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text + "\n")

    return make


@pytest.mark.parametrize(
    ("quota", "num_usable"),
    [("max", 8), ("200000", 2), ("250000", 2), ("50000", 1), ("1600000", 8)],
)
def test_a_quota_of_version_2_limits_the_cores(system: System, quota: str, num_usable: int) -> None:
    system(V2, "0::/", {"cpu.max": f"{quota} 100000"})
    assert usable_cores().num_usable == num_usable


def test_the_narrowest_of_the_cgroups_around_a_process_counts(system: System) -> None:
    files = {
        "pod/cpu.max": "300000 100000",
        "pod/app/cpu.max": "max 100000",
        "pod/app/x/cpu.max": "400000 100000",
        "other/cpu.max": "100000 100000",
    }
    system(V2, "0::/pod/app/x", files)
    assert usable_cores() == Cores(frozenset(range(8)), 3.0)


@pytest.mark.parametrize("quota", [("150000", 1.5), ("-1", None)])
def test_a_quota_of_version_1_is_found_where_a_container_sees_it(
    system: System, quota: tuple[str, float | None]
) -> None:
    files = {"cpu,cpuacct/cpu.cfs_quota_us": quota[0], "cpu,cpuacct/cpu.cfs_period_us": "100000"}
    system(f"{OTHER}\n{V1}", "5:cpuset:/docker/ab\n4:cpu,cpuacct:/docker/ab\n0::/", files)
    assert usable_cores().quota == quota[1]


def test_a_cgroup_outside_of_what_is_mounted_is_that_of_the_mount(system: System) -> None:
    system(V2, "0::/../../other", {"cpu.max": "200000 100000"})
    assert usable_cores().quota == 2.0


@pytest.mark.parametrize("text", ["", "nonsense", "1 2 3", "100000 0", "x y"])
def test_damaged_files_are_no_limit(system: System, text: str) -> None:
    system(V2, "0::/\nnonsense", {"cpu.max": text})
    assert usable_cores().quota is None


def test_a_system_without_affinity_or_cgroups_has_all_its_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supernet.cores, "ROOT", tmp_path)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert usable_cores() == Cores(frozenset(range(6)), None)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_the_affinity_of_this_process_counts() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cores().num_usable == 1
    finally:
        os.sched_setaffinity(0, before)


def test_the_limits_are_named() -> None:
    assert str(Cores(frozenset({0, 1}), None)) == "affinity to 2, no quota"
    assert str(Cores(frozenset({0, 1}), 1.5)) == "affinity to 2, a quota of 1.5"


def test_decoding_threads_follow_a_faked_quota(system: System) -> None:
    system(V2, "0::/", {"cpu.max": "300000 100000"})
    assert num_workers() == 3
