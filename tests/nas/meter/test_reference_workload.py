import json
import math
from pathlib import Path

import pytest

from nas.meter.cpu import cpu_details
from nas.meter.reference_workload import ReferenceWorkload, speed_file


class Work:
    num_runs = 0

    def run(self) -> None:
        self.num_runs += 1


def test_running_it_runs_the_work() -> None:
    work = Work()
    ReferenceWorkload(work, "a target").run()
    assert work.num_runs == 1


def test_the_quickest_time_is_kept_between_runs(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "speed.json"
    first = ReferenceWorkload(Work(), "a target", file)
    assert first.quickest_s == math.inf
    for seconds in (0.3, 0.2, 0.4):
        first.record_best(seconds)
    assert first.quickest_s == 0.2
    assert ReferenceWorkload(Work(), "a target", file).quickest_s == 0.2
    assert ReferenceWorkload(Work(), "another target", file).quickest_s == math.inf
    assert [path.name for path in file.parent.iterdir()] == ["speed.json"]


def test_what_is_known_of_other_targets_stays(tmp_path: Path) -> None:
    file = tmp_path / "speed.json"
    ReferenceWorkload(Work(), "one", file).record_best(1.0)
    ReferenceWorkload(Work(), "other", file).record_best(2.0)
    assert sorted(json.loads(file.read_text()).values()) == [1.0, 2.0]


def test_processors_of_one_name_have_times_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "speed.json"
    ReferenceWorkload(Work(), "a target", file).record_best(1.0)
    other = {**cpu_details(), "instruction_sets": "avx2"}
    monkeypatch.setattr("nas.meter.reference_workload.cpu_details", lambda: other)
    assert ReferenceWorkload(Work(), "a target", file).quickest_s == math.inf


@pytest.mark.parametrize("content", ["", "{", "[1]", "3", '{"x": '])
def test_a_spoilt_file_starts_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / "speed.json"
    file.write_text(content)
    reference = ReferenceWorkload(Work(), "a target", file)
    assert reference.quickest_s == math.inf
    reference.record_best(1.0)
    assert ReferenceWorkload(Work(), "a target", file).quickest_s == 1.0


def test_a_folder_that_cannot_be_written_stops_nothing() -> None:
    reference = ReferenceWorkload(Work(), "a target", Path("/proc/mutualnas/speed.json"))
    reference.record_best(1.0)
    assert reference.quickest_s == 1.0


def test_the_file_is_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert speed_file() == tmp_path / "mutualnas" / "speed.json"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert speed_file() == Path("/home/somebody/.cache/mutualnas/speed.json")
