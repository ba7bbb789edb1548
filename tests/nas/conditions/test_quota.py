from collections.abc import Callable
from pathlib import Path

import pytest

from nas.conditions.bench import Bench
from nas.conditions.quota import cpu_quota, quota
from nas.errors import NasError
from nas.meter.rounds import Runnable
from supernet.cores import usable_cores


@pytest.fixture
def cgroups() -> None:
    try:
        with cpu_quota(1.0):
            pass
    except NasError as error:
        pytest.skip(str(error))


def test_the_process_is_limited_within_the_block_only(cgroups: None) -> None:
    before = usable_cores()
    with cpu_quota(0.5):
        assert usable_cores().quota == 0.5
    assert usable_cores() == before
    with pytest.raises(KeyboardInterrupt), cpu_quota(0.5):
        raise KeyboardInterrupt
    assert usable_cores() == before


@pytest.mark.slow
def test_being_stopped_is_seen_in_the_99th_percentile(
    cgroups: None, new_bench: Callable[..., Bench], busy: Callable[..., Runnable]
) -> None:
    """One call in 50 is stopped, for 50 ms."""
    found = quota(new_bench((busy(1e-3),), max_s=3.0), lambda _: None)
    (latency,) = found.latencies["quota"]
    assert latency.p99_ms > 5 * latency.p50_ms
    assert found.parameters == {"quota_cores": 0.5, "period_ms": 100.0}


def test_without_cgroups_it_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supernet.cores.ROOT", tmp_path)
    with pytest.raises(NasError, match="or leave quota out") as error, cpu_quota(1.0):
        pass
    assert "\n" not in str(error.value)


def test_a_cgroup_that_cannot_be_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 2, where the controller can't be passed on: the file to say so in is missing."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/box\n")
    (tmp_path / "proc" / "self" / "mountinfo").write_text(
        "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    )
    (tmp_path / "sys" / "fs" / "cgroup" / "box").mkdir(parents=True)
    monkeypatch.setattr("supernet.cores.ROOT", tmp_path)
    with pytest.raises(NasError, match="must be able to make a cgroup"), cpu_quota(1.0):
        pass
    assert [path.name for path in (tmp_path / "sys" / "fs" / "cgroup").iterdir()] == ["box"]
