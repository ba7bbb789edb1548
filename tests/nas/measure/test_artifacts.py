"""Artifacts of the tiny run, measured for as short as possible."""

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nas.conditions import onnx_file
from nas.conditions.onnx_file import OnnxFile
from nas.errors import NasError
from nas.evaluate.trained import load_trained
from nas.export import export
from nas.measure.__main__ import main
from nas.measure.artifacts import measure_artifacts
from nas.runtimes import Runtime, load_runtime
from planner import DamagedTable, InvalidValue, LookupTable


@pytest.fixture(scope="module")
def folder(run_with_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifacts of two entries, with their table."""
    found = LookupTable.read(run_with_table / "search" / "lookup_table.json")
    trained, out = load_trained(run_with_table), tmp_path_factory.mktemp("artifacts")
    export(found, trained.supernet, trained.data, out)
    return out


@pytest.fixture
def exported(folder: Path) -> LookupTable:
    return LookupTable.read(folder / "lookup_table.json")


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return load_runtime("onnxruntime", num_threads=1)


NAMES = ["steady", "end_to_end", "after_pause", "contended"]


@pytest.fixture(scope="module")
def measured(folder: Path) -> Path:
    """The table of some conditions, without the pauses."""
    out = folder.parent / "conditions.json"
    options = ["--conditions", *NAMES, "--max-s", "0.2", "--num-threads", "1", "--allow-noisy"]
    options += ["--device", "cpu", "--out", str(out), "--busy-processes", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nas.conditions.after_pause.time.sleep", lambda _: None)
        assert main([str(folder / "lookup_table.json"), *options]) == 0
    return out


def test_entries_are_timed_steady_and_under_each_condition(folder: Path, measured: Path) -> None:
    before, after = LookupTable.read(folder / "lookup_table.json"), LookupTable.read(measured)
    assert set(after.conditions) == {*NAMES, "after_pause_50ms", "after_pause_200ms"}
    for entry in after:
        old = before.by_config_id[entry.config_id]
        assert (entry.accuracy, entry.artifact) == (old.accuracy, old.artifact)
        assert entry.latency.num_samples > 8
        assert entry.conditions["after_pause"].num_samples == 20
        # Decoding alone takes many times as long as these networks.
        assert entry.conditions["end_to_end"].p50_ms > 5 * entry.latency.p50_ms
    assert after.protocol["conditions"]["contended"] == {"num_busy_processes": 1}
    assert after.protocol["conditions"]["end_to_end"]["photo"] == "JPEG 1920 x 1080"
    assert after.target.num_threads == 1
    assert len(after.under("contended")) == len(before)


def test_the_code_of_the_page_runs(
    folder: Path,
    measured: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = Path(__file__).parents[3] / "docs" / "deployment.md"
    (block,) = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "artifacts").symlink_to(folder)
    (tmp_path / "conditions.json").symlink_to(measured)
    Image.new("RGB", (40, 30)).save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, str(page), "exec"), {})
    assert capsys.readouterr().out.startswith("after_pause ")


def test_a_table_without_entries_is_refused(exported: LookupTable, runtime: Runtime) -> None:
    with pytest.raises(NasError, match="the table must have entries"):
        measure_artifacts(replace(exported, entries=()), Path(), runtime, ["steady"])


def test_a_network_that_is_slow_after_a_pause_is_caught(
    folder: Path, exported: LookupTable, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The accurate entry is quick while it runs all the time, but not once it was left alone."""
    paused = []
    monkeypatch.setattr("nas.conditions.after_pause.time.sleep", lambda _: paused.append(1))

    class Sleepy:
        def __init__(self, network: OnnxFile) -> None:
            self.network = network

        def run(self) -> None:
            if paused:
                paused.clear()
                end = time.perf_counter() + 0.05  # after_pause shares the module with its sleep
                while time.perf_counter() < end:
                    pass
            self.network.run()

        def logits(self, images: Any) -> Any:
            return self.network.logits(images)

    def load(path: Path, name: str, num_threads: int) -> OnnxFile:
        network = onnx_file.load(path, name, num_threads)
        return Sleepy(network) if path.name == "w1-r12.onnx" else network

    monkeypatch.setattr("nas.measure.artifacts.load", load)
    table = measure_artifacts(
        exported, folder, runtime, ["after_pause"], max_s=0.2, allow_noisy=True
    )
    entry, other = table.by_config_id["w1-r12"], table.by_config_id["w0.25-r8"]
    assert entry.conditions["after_pause"].p50_low_ms >= 50
    assert entry.latency.p50_ms < 10
    assert other.conditions["after_pause"].p50_ms < 10


def run(table: Path, *options: str) -> int:
    out = str(table.parent / "out.json")
    return main([str(table), "--device", "cpu", "--num-threads", "1", "--out", out, *options])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--conditions", "warm"], "a condition must be one of steady, end_to_end, first_call, "),
        (
            ["--conditions", "sustained", "--minutes", "0"],
            "minutes of sustained must be more",
        ),
        (
            ["--conditions", "contended", "--busy-processes", "-1"],
            "of contended must be more than 0",
        ),
        (["--conditions", "steady", "--max-s", "nan"], "the seconds of a condition must be more"),
        (["--conditions", "steady", "--runtime", "eager"], "in onnxruntime or openvino, which"),
        (["--conditions", "end_to_end", "--photo", "no.jpg"], "no.jpg must be a file, but"),
        (["--conditions", "steady", "--target-command", "x {model}"], "to the kit's measure.py"),
        (["--conditions", "steady", "--out", "no/such/x.json"], "no/such must be a folder"),
    ],
)
def test_what_cannot_be_measured_is_one_clear_line(
    options: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder / "lookup_table.json", *options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (folder / "out.json").exists()


def test_a_table_without_artifacts_is_one_clear_line(
    run_with_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(run_with_table / "search" / "lookup_table.json", "--conditions", "steady") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "must have an artifact, but has none; export the table with python -m nas.export" in line


def test_damaged_artifacts_are_refused(
    folder: Path, exported: LookupTable, runtime: Runtime, tmp_path: Path
) -> None:
    with pytest.raises(DamagedTable, match="can't be read"):
        measure_artifacts(exported, tmp_path, runtime, ["steady"])
    artifact = exported.entries[0].artifact
    assert artifact is not None
    (tmp_path / artifact.file).write_bytes(b"0" * artifact.size_bytes)
    with pytest.raises(DamagedTable, match="must have the sha256"):
        measure_artifacts(exported, tmp_path, runtime, ["steady"])


def test_a_file_that_the_runtime_does_not_load_is_one_clear_line(
    folder: Path, exported: LookupTable, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object) -> OnnxFile:
        raise RuntimeError("no such\noperator")

    monkeypatch.setattr("nas.measure.artifacts.load", load)
    with pytest.raises(NasError, match=r"onnx must load in onnxruntime, but .*: no such operator"):
        measure_artifacts(exported, folder, runtime, ["steady"])


def test_a_table_that_does_not_say_how_photos_are_prepared_has_no_end_to_end(
    folder: Path, exported: LookupTable, runtime: Runtime
) -> None:
    supernet = {k: v for k, v in exported.supernet.items() if k != "preprocessing"}
    old = replace(exported, supernet=supernet)
    with pytest.raises(InvalidValue, match=r"from before version 1\.1"):
        measure_artifacts(old, folder, runtime, ["end_to_end"])


@pytest.mark.slow
def test_first_calls_are_told_by_their_steps_in_openvino(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "first.json"
    options = ["--runtime", "openvino", "--max-s", "1", "--allow-noisy", "--out", str(out)]
    options += ["--device", "cpu", "--num-threads", "1", "--conditions", "first_call"]
    assert main([str(folder / "lookup_table.json"), *options]) == 0
    table = LookupTable.read(out)
    steps = {f"first_call_{step}" for step in ("load", "prepare", "run")}
    assert set(table.conditions) == {"steady", "first_call", *steps}
    for entry in table:
        first = entry.conditions["first_call"]
        assert first.p50_ms > 5 * entry.latency.p50_ms  # the network is compiled
        assert first.num_samples == 20
    assert table.target.runtime == "openvino"
