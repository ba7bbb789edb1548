import concurrent.futures
import logging
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from benchmarks.planner.simulated_service import SimulatedClock, serve
from benchmarks.planner.tiny_networks import with_artifacts, write_network
from planner import (
    AdaptiveSession,
    Artifact,
    DamagedTable,
    Entry,
    InvalidValue,
    LookupTable,
    Preprocessing,
    Target,
    TargetWarning,
)
from planner.artifacts import sha256_of
from planner.onnx_model import OnnxModel

Entries = Callable[..., tuple[Entry, ...]]
Tables = Callable[..., LookupTable]
Batch = NDArray[np.float32]

ROOT = Path(__file__).parents[2]
MAX_SWITCH_S = 1e-3
WIDTHS = [100, 5_000, 8_000, 20_000]


def image(side: int) -> Batch:
    return np.ones((1, 3, side, side), np.float32)


@pytest.fixture
def table(tmp_path: Path, new_entries: Entries, new_table: Tables) -> LookupTable:
    return new_table(with_artifacts(new_entries(4), tmp_path, WIDTHS))


@pytest.fixture
def entries(table: LookupTable) -> tuple[Entry, ...]:
    return table.entries


def file_of(entry: Entry, folder: Path) -> Path:
    return folder / f"{entry.config_id}.onnx"


class Clock:
    """Time that goes on by `step_ms` at each second reading."""

    def __init__(self) -> None:
        self.now, self.step_ms, self.readings = 0.0, 1.0, 0

    def __call__(self) -> float:
        self.readings += 1
        if self.readings % 2 == 0:
            self.now += self.step_ms / 1e3
        return self.now


def test_it_begins_with_what_fits_an_idle_device(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    session = AdaptiveSession(table, tmp_path, target_ms=1e6)
    assert session.entry == entries[-1]
    assert session.run(image).shape == (1, 4)
    assert AdaptiveSession(table, tmp_path, target_ms=1e-9).entry == entries[0]


def test_under_a_condition_it_chooses_by_what_the_table_promises_there(
    table: LookupTable, tmp_path: Path
) -> None:
    slow = {n: v * 100 for n, v in vars(table.entries[-1].latency).items() if n.endswith("_ms")}
    paused = [
        replace(entry, conditions={"after_pause": replace(entry.latency, **slow)})
        if entry is table.entries[-1]
        else replace(entry, conditions={"after_pause": entry.latency})
        for entry in table
    ]
    target_ms = 10 * table.entries[-1].latency.p50_ms
    measured = replace(table, entries=tuple(paused))
    with AdaptiveSession(measured, tmp_path, target_ms=target_ms) as session:
        assert session.stats().condition == "steady"
        assert session.entry == measured.entries[-1]
    with AdaptiveSession(measured.under("after_pause"), tmp_path, target_ms=target_ms) as session:
        stats = session.stats()
        assert stats.condition == "after_pause"
        assert stats.config_id == table.entries[-2].config_id
        assert stats.promised_ms == table.entries[-2].latency.p50_ms


def test_it_follows_the_load(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    clock = Clock()
    session = AdaptiveSession(table, tmp_path, target_ms=1e6, clock=clock)
    clock.step_ms = 1e9
    for _ in range(10):
        session.run(image)
        session.wait()
    assert session.entry == entries[0]
    clock.step_ms = 1e-6
    for _ in range(30):
        session.run(image)
        session.wait()
    assert session.entry == entries[-1]


def test_each_entry_gives_its_own_outputs(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    session = AdaptiveSession(table, tmp_path, target_ms=1e6, memory=10.0)
    seen = []
    for entry in entries:
        session.switch(entry.config_id)
        seen.append(session.run(image).tobytes())
    assert len(set(seen)) == len(entries)


def test_a_switch_between_held_entries_loads_nothing(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = AdaptiveSession(table, tmp_path, target_ms=1e6, memory=10.0)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a held entry was loaded again")

    monkeypatch.setattr("onnxruntime.InferenceSession", forbidden)
    for entry in entries * 2:
        session.switch(entry.config_id)
        assert session.entry == entry


@pytest.mark.slow
@pytest.mark.timing
def test_a_switch_between_held_entries_takes_under_a_millisecond(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    session = AdaptiveSession(table, tmp_path, target_ms=1e6, memory=10.0)
    times = []
    for index in range(200):
        start = time.perf_counter()
        session.switch(entries[index % 4].config_id)
        times.append(time.perf_counter() - start)
        assert session.entry == entries[index % 4]
    assert sorted(times)[-5] < MAX_SWITCH_S


def test_what_is_held_keeps_the_limit_at_every_moment(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    session = AdaptiveSession(table, tmp_path, target_ms=1e6)
    sizes = {e.config_id: (tmp_path / f"{e.config_id}.onnx").stat().st_size for e in entries}
    for index in (0, 1, 2, 3, 1, 3, 0):
        session.switch(entries[index].config_id)
        while session.entry != entries[index]:
            assert session.run(image).shape == (1, 4)
            session.switch(entries[index].config_id)
            assert sum(sizes[name] for name in session.held) <= 1.5 * max(sizes.values())
        session.wait()
        assert sum(sizes[name] for name in session.held) <= 1.5 * max(sizes.values())


def test_a_wrong_artifact_is_refused(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    (tmp_path / f"{entries[1].config_id}.onnx").write_bytes(b"x")
    with pytest.raises(DamagedTable, match="bytes, not 1"):
        AdaptiveSession(table, tmp_path, target_ms=1.0)


def test_a_file_that_is_no_network_is_refused(
    tmp_path: Path, new_entry: Callable[..., Entry], new_table: Tables
) -> None:
    (tmp_path / "a.onnx").write_bytes(b"not a network")
    artifact = Artifact(
        file="a.onnx",
        sha256=sha256_of(tmp_path / "a.onnx"),
        size_bytes=13,
        max_abs_difference=0.0,
    )
    with pytest.raises(DamagedTable, match="must be a model that ONNX Runtime can load"):
        AdaptiveSession(new_table((new_entry(artifact=artifact),)), tmp_path, target_ms=1.0)


def test_an_unknown_config_is_refused(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    with pytest.raises(InvalidValue, match="`config_id` must be in the table"):
        AdaptiveSession(table, tmp_path, target_ms=1.0).switch("w9")


def write_pixel_network(path: Path, side: int, batch_size: int) -> None:
    """Two logits: the mean of the red pixels and that of the green ones."""
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
        helper.make_node("Gather", ["means", "red and green"], ["logits"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, [batch_size, side, side, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch_size, 2])],
        [
            helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
            helper.make_tensor("red and green", TensorProto.INT64, [2], [0, 1]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("batch_size", [1, 3])
def test_it_names_the_classes_of_a_photo(
    tmp_path: Path,
    new_table: Callable[..., LookupTable],
    new_entries: Entries,
    new_target: Callable[..., Target],
    batch_size: int,
) -> None:
    made = []
    for entry in new_entries(3):
        path = tmp_path / f"{entry.config_id}.onnx"
        write_pixel_network(path, entry.config.resolution, batch_size)
        artifact = Artifact(
            file=path.name,
            sha256=sha256_of(path),
            size_bytes=path.stat().st_size,
            max_abs_difference=0.0,
        )
        made.append(replace(entry, artifact=artifact))
    plain = new_table(tuple(made), target=new_target(batch_size=batch_size))
    steps = Preprocessing(crop_resolution=28).to_json()
    table = replace(plain, supernet={**plain.supernet, "preprocessing": steps})
    green = np.zeros((40, 30, 3), np.uint8)
    green[..., 1] = 3
    session = AdaptiveSession(table, tmp_path, target_ms=1e6, memory=10.0)
    for entry in table:
        session.switch(entry.config_id)
        (first, share), (second, rest) = session.predict(green)
        assert (first, second) == ("bag", "shirt")
        assert share == pytest.approx(1 / (1 + np.exp(-3)))
        assert rest == pytest.approx(1 - share)

    with pytest.raises(InvalidValue, match="must say how photos are prepared"):
        AdaptiveSession(plain, tmp_path, target_ms=1e6).predict(green)


MEASURE = """
import sys, gc
from pathlib import Path
import numpy as np
from planner import AdaptiveSession, LookupTable
import onnxruntime

def resident():
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096

folder, names = Path(sys.argv[1]), sys.argv[2].split(",")
table = LookupTable.read(folder / "table.json")
entries = table.entries
image = lambda side: np.ones((1, 3, side, side), np.float32)
first = [entries[0].config_id]
warm = AdaptiveSession(table, folder, target_ms=1e6, config_ids=first)
warm.run(image)  # the library's own pages
before = resident()
held = [entry for entry in entries if entry.config_id in names]
session = AdaptiveSession(table, folder, target_ms=1e6, config_ids=names)
peak = 0
for entry in held * 2:
    while session.entry != entry:
        session.switch(entry.config_id)
        session.wait()
    session.run(image)
    session.wait()
    peak = max(peak, resident() - before)
print(peak)
"""


@pytest.mark.slow
def test_memory_is_at_most_one_and_a_half_of_the_largest(
    tmp_path: Path, new_entries: Entries, new_table: Tables
) -> None:
    widths = [200_000, 1_000_000, 1_500_000, 3_000_000]  # the largest has 84 MB of weights
    entries = with_artifacts(new_entries(4), tmp_path, widths)
    new_table(entries).write(tmp_path / "table.json")

    def peak(names: list[str]) -> int:
        command = [sys.executable, "-c", MEASURE, str(tmp_path), ",".join(names)]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        return int(result.stdout)

    largest = peak([entries[-1].config_id])
    every = peak([entry.config_id for entry in entries])
    assert largest > 80e6
    assert every <= 1.5 * largest


EXIT = """
import sys, time
from pathlib import Path
from planner import AdaptiveSession, LookupTable

folder = Path(sys.argv[1])
table = LookupTable.read(folder / "table.json")
session = AdaptiveSession(table, folder, target_ms=1e-6, memory=1.0)
session.switch(table.entries[-1].config_id)
time.sleep(float(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("waits_s", [0.0, 0.01, 0.03])
def test_a_process_may_end_while_an_artifact_is_loading(
    waits_s: float, tmp_path: Path, new_entries: Entries, new_table: Tables
) -> None:
    """A daemon thread that returns to Python then would abort the process."""
    entries = new_entries(40)
    widths = [10, *(100_000 + index for index in range(39))]
    new_table(with_artifacts(entries, tmp_path, widths)).write(tmp_path / "table.json")
    script = EXIT.replace("memory=1.0", "memory=40.0").replace(
        "session.switch",
        "session._artifacts._held = dict([*session._artifacts._held.items()][:1])\nsession.switch",
    )
    command = [sys.executable, "-c", script, str(tmp_path), str(waits_s)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_session_runs_and_loads_nothing(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    before = threading.enumerate()
    with AdaptiveSession(table, tmp_path, target_ms=1e6) as session:
        session.switch(entries[1].config_id)
        assert session.run(image).shape == (1, 4)
    assert session.held == ()
    session.switch(entries[0].config_id)
    session.close()
    assert session.held == ()
    with pytest.raises(InvalidValue, match="it was closed"):
        session.run(image)
    assert set(threading.enumerate()) <= set(before)


def test_a_callback_may_close_the_session(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    session = AdaptiveSession(
        table, tmp_path, target_ms=1e-9, memory=1.0, on_switch=lambda *_: session.close()
    )
    session.switch(entries[2].config_id)
    session.wait()
    assert session.held == ()


@pytest.mark.parametrize("damage", ["deleted", "replaced", "truncated"])
def test_a_file_that_was_damaged_since_the_start_never_runs(
    damage: str, table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    failed: list[tuple[Entry, Exception]] = []
    session = AdaptiveSession(
        table,
        tmp_path,
        target_ms=1e-9,
        memory=1.0,
        on_failure=lambda entry, error: failed.append((entry, error)),
    )
    bad, path = entries[-1], file_of(entries[-1], tmp_path)
    assert bad.config_id not in session.held
    if damage == "deleted":
        path.unlink()
    elif damage == "replaced":
        write_network(path, WIDTHS[-1], bad.config.resolution, seed=1)
    else:
        path.write_bytes(path.read_bytes()[:-1])
    before = session.held
    session.switch(bad.config_id)
    session.wait()
    assert session.entry != bad
    assert bad.config_id not in session.held
    assert set(before) <= set(session.held), "nothing was dropped for a damaged file"
    ((entry, error),) = failed
    assert entry == bad
    assert isinstance(error, DamagedTable)
    stats = session.stats()
    assert stats.num_failed_loads == 1
    assert dict(stats.left_out) == {bad.config_id: str(error)}
    assert session.run(image).shape == (1, 4)


def test_a_file_that_is_replaced_while_it_is_loaded_never_runs(
    table: LookupTable,
    entries: tuple[Entry, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After its sha256 was found right, and with the right content back before the next look."""
    session = AdaptiveSession(table, tmp_path, target_ms=1e-9, memory=1.0)
    bad, path = entries[-1], file_of(entries[-1], tmp_path)
    content = path.read_bytes()

    def replaced(file: Path, num_threads: int) -> OnnxModel:
        write_network(path, WIDTHS[-1], bad.config.resolution, seed=1)
        model = OnnxModel(file, num_threads)
        path.write_bytes(content)
        return model

    monkeypatch.setattr("planner.session.OnnxModel", replaced)
    session.switch(bad.config_id)
    session.wait()
    assert session.entry != bad
    assert "must not change while it is loaded" in session.stats().left_out[bad.config_id]


def test_an_entry_that_failed_to_load_is_left_out_and_tried_again(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    clock = SimulatedClock()

    def slow(side: int) -> Batch:
        clock.batch_s = 1000.0  # which the target allows
        return image(side)

    session = AdaptiveSession(
        table, tmp_path, target_ms=1e9, memory=1.0, retry_s=3_500, clock=clock
    )
    best, path = entries[-1], file_of(entries[-1], tmp_path)
    content = path.read_bytes()
    session.switch(entries[0].config_id)
    session.wait()
    path.unlink()
    session.switch(best.config_id)
    session.wait()
    for _ in range(3):
        assert session.controller.entry != best
        session.run(slow)
        session.wait()
    assert session.stats().num_failed_loads == 1, "it isn't tried at each batch"
    path.write_bytes(content)
    for _ in range(10):
        session.run(slow)
        session.wait()
    assert session.entry == best
    assert not session.stats().left_out


def test_a_failed_load_is_logged_where_nobody_asked_for_it(
    table: LookupTable,
    entries: tuple[Entry, ...],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = AdaptiveSession(table, tmp_path, target_ms=1e6, memory=1.0)
    file_of(entries[2], tmp_path).unlink()
    with caplog.at_level(logging.WARNING, "planner"):
        session.switch(entries[2].config_id)
        session.wait()
    assert f"{entries[2].config_id} is left out for now" in caplog.text


def test_what_a_callback_raises_costs_no_batch(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a metric that is none")

    session = AdaptiveSession(
        table, tmp_path, target_ms=1e6, memory=10.0, on_switch=broken, on_failure=broken
    )
    session.switch(entries[0].config_id)
    assert session.run(image).shape == (1, 4)
    assert "a metric that is none" in caplog.text


def test_a_switch_is_told_and_counted(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    switches: list[tuple[Entry, Entry]] = []
    clock = Clock()
    session = AdaptiveSession(
        table,
        tmp_path,
        target_ms=1e6,
        memory=10.0,
        on_switch=lambda before, after: switches.append((before, after)),
        clock=clock,
    )
    session.run(image)
    clock.step_ms = 1e9
    session.run(image)
    assert switches == [(entries[-1], session.entry)]
    stats = session.stats()
    assert (stats.num_batches, stats.num_late, stats.num_switches) == (2, 1, 1)
    assert stats.late_share == 0.5
    assert stats.num_batches_by_config_id == {entries[-1].config_id: 2}
    assert stats.config_id == session.entry.config_id
    assert set(stats.held) == {entry.config_id for entry in entries}
    assert (stats.num_loads, stats.num_failed_loads) == (4, 0)
    assert stats.load > 1


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Python's threads take turns thousands of times as often as they would."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval_s)


@pytest.mark.usefixtures("hasty_threads")
def test_threads_share_a_session(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    """Each call returns the outputs of one of the entries, whatever the others do."""
    session = AdaptiveSession(table, tmp_path, target_ms=1.0, memory=1.2)
    expected = set()
    for entry in entries:
        with AdaptiveSession(
            table, tmp_path, target_ms=1.0, config_ids=[entry.config_id]
        ) as single:
            expected.add(single.run(image).tobytes())

    def work(seed: int) -> set[bytes]:
        found = set()
        for index in range(300):
            if index % 10 == seed:
                session.switch(entries[index // 10 % 4].config_id)
            found.add(session.run(image).tobytes())
            session.stats()
        return found

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        outputs = set().union(*pool.map(work, range(8)))
    assert outputs <= expected
    stats = session.stats()
    assert stats.num_batches == sum(stats.num_batches_by_config_id.values()) == 2400
    session.close()


def test_it_keeps_to_the_target_of_the_table_or_warns(
    table: LookupTable, tmp_path: Path, new_target: Callable[..., Any]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AdaptiveSession(table, tmp_path, target_ms=1.0).run(image)
        AdaptiveSession(table, tmp_path, target_ms=1.0, num_threads=2)
    with pytest.warns(TargetWarning, match="timed with 2 threads, but this session runs 1") as seen:
        AdaptiveSession(table, tmp_path, target_ms=1.0, num_threads=1)
    assert seen[0].filename == __file__
    other = replace(table, target=new_target(runtime="openvino"))
    with pytest.warns(TargetWarning, match="timed in openvino, but this session runs onnxruntime"):
        AdaptiveSession(other, tmp_path, target_ms=1.0)


def test_threads_are_those_of_the_table(
    table: LookupTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    options = []
    make = onnxruntime.InferenceSession

    def noted(path: str, made: Any, **others: Any) -> Any:
        options.append(made.intra_op_num_threads)
        return make(path, made, **others)

    monkeypatch.setattr("onnxruntime.InferenceSession", noted)
    AdaptiveSession(table, tmp_path, target_ms=1.0)
    assert set(options) == {table.target.num_threads} == {2}


def test_another_batch_size_is_told_once(
    tmp_path: Path, new_entries: Entries, new_table: Tables
) -> None:
    table = new_table(with_artifacts(new_entries(4), tmp_path, WIDTHS, batch_size="n"))
    session = AdaptiveSession(table, tmp_path, target_ms=1e6)
    with pytest.warns(TargetWarning, match="timed with batches of 1, but got one of 3") as seen:
        session.run(lambda side: np.ones((3, 3, side, side), np.float32))
    assert seen[0].filename == __file__
    session.run(lambda side: np.ones((3, 3, side, side), np.float32))  # warnings are errors


@pytest.mark.parametrize("shape", [(1, 12, 12, 3), (3, 12, 12), ()])
def test_what_is_no_batch_is_refused_and_the_session_goes_on(
    table: LookupTable, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    session = AdaptiveSession(table, tmp_path, target_ms=1e6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TargetWarning)
        with pytest.raises(InvalidValue, match=r"^a batch must be float32 \(1, 3, .*but got uint8"):
            session.run(lambda side: np.ones(shape, np.uint8))
    assert session.run(image).shape == (1, 4)


def test_it_uses_the_entries_of_a_plan_alone(
    table: LookupTable, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    names = [entries[0].config_id, entries[2].config_id]
    file_of(entries[3], tmp_path).unlink()
    session = AdaptiveSession(table, str(tmp_path), target_ms=1e6, config_ids=names)
    assert session.entry == entries[2]
    with pytest.raises(InvalidValue, match="must be in the table"):
        session.switch(entries[3].config_id)
    for wrong in ([], ["w9"]):
        with pytest.raises(InvalidValue, match="`config_ids` must name entries"):
            AdaptiveSession(table, tmp_path, target_ms=1.0, config_ids=wrong)
    with pytest.raises(InvalidValue, match="`num_threads` must be 1 or more"):
        AdaptiveSession(table, tmp_path, target_ms=1.0, num_threads=0)


def test_a_clock_too_coarse_for_a_batch_loses_none(table: LookupTable, tmp_path: Path) -> None:
    session = AdaptiveSession(table, tmp_path, target_ms=1.0, clock=lambda: 5.0)
    assert session.run(image).shape == (1, 4)
    assert session.stats().num_batches == 1


def test_half_an_hour_of_faults_loses_no_batch(
    tmp_path: Path, new_entries: Entries, new_table: Tables
) -> None:
    """benchmarks/planner/day_of_switching.py does this for a day."""
    widths = [100 + 50 * index for index in range(8)]
    entries = [
        entry.with_values(num_params=width)
        for entry, width in zip(new_entries(8), widths, strict=True)
    ]
    table = new_table(with_artifacts(entries, tmp_path, widths))
    outcome = serve(
        table,
        tmp_path,
        target_ms=4.0,
        duration_s=3000.0,
        period_s=1.0,
        fault_every_s=20.0,
        all_deleted_s=(900.0, 300.0),
        service_level=0.95,
    )
    assert outcome.num_batches == 3000
    assert (outcome.num_lost, outcome.num_wrong) == (0, 0)
    assert outcome.num_failed_loads == outcome.num_called_back > 5
    assert set(outcome.num_faults) == {
        "deleted",
        "replaced",
        "truncated",
        "slow disk",
        "all deleted",
    }
    assert outcome.num_late - outcome.num_overloaded <= 0.05 * 3000
    assert outcome.num_switches > 10
