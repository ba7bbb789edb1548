"""End to end: packed here, measured by another Python process, in a folder of its own."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from nas.kit.__main__ import main
from nas.measure.__main__ import main as measure
from planner import LookupTable

WITHOUT_TORCH = """
import runpy, sys
for name in ("torch", "torchvision", "optuna", "onnx", "planner"):
    sys.modules[name] = None  # importing it fails, as on the device
sys.argv = ["measure.py", *sys.argv[1:]]
sys.path.insert(0, ".")
runpy.run_path("measure.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def device(run_with_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the kit was unzipped and where it was run."""
    folder = tmp_path_factory.mktemp("device")
    assert main([str(run_with_table), "--out", str(folder / "kit.zip")]) == 0
    with zipfile.ZipFile(folder / "kit.zip") as kit:
        kit.extractall(folder)
    options = ["--max-s", "1", "--num-threads", "1", "--allow-noisy", "--kit", "."]
    options += ["--conditions", "contended"]
    subprocess.run(
        [sys.executable, "-I", "-c", WITHOUT_TORCH, *options],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=120,
    )
    return folder


def test_the_device_writes_what_it_is_and_a_latency_for_each_entry(device: Path) -> None:
    found = json.loads((device / "measurements.json").read_text())
    assert set(found["latencies"]) == {"w0.25-r8", "w1-r12"}
    assert found["target"]["num_threads"] == 1
    assert {"cpu", "governor", "os", "machine"} <= set(found["target"]["details"])
    assert found["target"]["details"]["input"] == "uint8 NHWC, normalised in the network"
    assert found["target"]["observed"]["num_usable_cores"] >= 1
    assert found["protocol"]["num_rounds"] > 0


def test_the_measurements_become_the_devices_table(
    device: Path, run_with_table: Path, tmp_path: Path
) -> None:
    source, out = run_with_table / "search" / "lookup_table.json", tmp_path / "device.json"
    assert (
        measure([str(source), "--from", str(device / "measurements.json"), "--out", str(out)]) == 0
    )
    before, after = LookupTable.read(source), LookupTable.read(out)
    assert after.target != before.target
    assert after.target.runtime == "onnxruntime"
    assert {e.config_id: e.accuracy.top1 for e in after} == {
        e.config_id: e.accuracy.top1 for e in before
    }
    assert after.conditions == ("steady", "contended")
    found = json.loads((device / "measurements.json").read_text())["latencies"]
    assert {e.config_id: e.latency.p50_ms for e in after} == {
        config_id: latency["p50_ms"] for config_id, latency in found.items()
    }


@pytest.mark.slow
def test_an_environment_without_torch_measures_all_and_one_at_a_time(
    device: Path, run_with_table: Path, tmp_path: Path
) -> None:
    uv, python = Path(sys.executable).with_name("uv"), tmp_path / "venv" / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", tmp_path / "venv"], check=True)
    install = [str(uv), "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*install, "numpy", "onnxruntime"], check=True)
    assert subprocess.run([python, "-c", "import torch"], stderr=subprocess.PIPE).returncode == 1
    script = [str(python), str(device / "measure.py")]
    options = ["--num-threads", "1", "--max-s", "1", "--allow-noisy"]
    found = tmp_path / "measurements.json"
    subprocess.run([*script, *options, "--out", str(found)], check=True, cwd=tmp_path)
    source = str(run_with_table / "search" / "lookup_table.json")
    together, alone = tmp_path / "together.json", tmp_path / "alone.json"
    assert measure([source, "--from", str(found), "--out", str(together)]) == 0
    command = " ".join([*script, "{model}", *options])
    assert measure([source, "--target-command", command, "--out", str(alone)]) == 0
    tables = [LookupTable.read(path) for path in (together, alone)]
    assert tables[0].target == tables[1].target
    assert [len(table) for table in tables] == [2, 2]


def test_a_run_that_was_not_searched_gives_no_kit(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tiny_run), "--out", str(tmp_path / "kit.zip")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not list(tmp_path.iterdir())
