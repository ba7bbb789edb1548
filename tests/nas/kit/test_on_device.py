"""What the kit's script does in this process; test_kit.py runs it in another one."""

import ast
import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import nas.kit.on_device
from nas.kit.on_device import main
from nas.kit.packing import METER
from nas.runtimes.onnxruntime import OnnxRuntime
from supernet.cores import Cores

MAY_IMPORT = {
    "nas/kit/on_device.py": {"onnxruntime"},
    "nas/conditions/onnx_file.py": {"numpy", "onnxruntime", "openvino"},
}
"""What files of the kit import besides each other and the standard library; openvino only where it
is the runtime."""


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    """A kit of two networks."""
    runtime, image = OnnxRuntime("cpu", 1), torch.zeros(1, 3, 8, 8)
    models = []
    for width in (4, 64):
        network = nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.Conv2d(width, 8, 3)).eval()
        content = runtime.compile(network, image).model.self_contained().SerializeToString()
        (tmp_path / f"w{width}.onnx").write_bytes(content)
        models.append({"config_id": f"w{width}", "file": f"w{width}.onnx"})
    (tmp_path / "reference.onnx").write_bytes((tmp_path / "w4.onnx").read_bytes())
    contents = {
        "weights_sha256": "0" * 64,
        "batch_size": 1,
        "dtype": "int8",
        "details": {"input": "floats", "quantisation": "somehow"},
        "models": models,
    }
    (tmp_path / "kit.json").write_text(json.dumps(contents))
    return tmp_path


def test_it_times_all_networks(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = kit / "measurements.json"
    options = ["--max-s", "0.5", "--num-threads", "1", "--allow-noisy"]
    assert main(["--kit", str(kit), "--out", str(out), *options]) == 0
    latencies = json.loads(out.read_text())["latencies"]
    assert 0 < latencies["w4"]["p50_ms"] < latencies["w64"]["p50_ms"]
    target = json.loads(out.read_text())["target"]
    assert target["dtype"] == "int8"  # as the kit says of its networks
    assert target["details"]["quantisation"] == "somehow"
    assert "w64" in capsys.readouterr().out


def test_one_network_is_timed_and_printed(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--max-s", "0.5", "--num-threads", "1", "--allow-noisy"]
    assert main(["w64.onnx", "--kit", str(kit), "--out", str(kit / "out.json"), *options]) == 0
    assert set(json.loads(capsys.readouterr().out)["latencies"]) == {"w64"}
    assert not (kit / "out.json").exists()


def test_conditions_are_measured_as_well(kit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.conditions.after_pause.time.sleep", lambda _: None)
    out = kit / "measurements.json"
    options = ["--max-s", "0.2", "--num-threads", "1", "--allow-noisy", "--busy-processes", "1"]
    options += ["--conditions", "after_pause", "contended", "--kit", str(kit), "--out", str(out)]
    assert main(options) == 0
    found = json.loads(out.read_text())
    names = {"after_pause", "after_pause_50ms", "after_pause_200ms", "contended"}
    assert all(set(each["conditions"]) == names for each in found["latencies"].values())
    assert found["latencies"]["w4"]["conditions"]["after_pause"]["num_samples"] == 20
    assert found["protocol"]["conditions"]["contended"] == {"num_busy_processes": 1}


@pytest.mark.parametrize("name", ["end_to_end", "warm"])
def test_a_condition_that_a_device_does_not_have_is_one_clear_line(
    name: str, kit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--kit", str(kit), "--conditions", name, "--out", str(kit / "out.json")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "must be one of steady, first_call, after_pause, contended, quota, rep" in line
    assert line.endswith(f"but got {name}")


def test_more_threads_than_cores_are_refused_at_once(
    kit: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cores = Cores(frozenset(range(8)), 2.5)
    monkeypatch.setattr("nas.threads.usable_cores", lambda: cores)
    monkeypatch.setattr("nas.kit.on_device.steady", None)  # it would fail with a traceback
    assert main(["--kit", str(kit), "--num-threads", "4"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "may use, 2 (affinity to 8, a quota of 2.5), but got 4; use --num-threads 2" in line


def test_a_network_that_is_not_in_the_kit_is_one_clear_line(
    kit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["w7.onnx", "--kit", str(kit)]) == 2
    assert "one of the kit's, like w4.onnx, but got w7.onnx" in capsys.readouterr().err


def test_a_folder_that_is_no_kit_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--kit", str(tmp_path), "--out", str(tmp_path / "out.json")]) == 2
    assert "kit.json" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_the_kit_imports_only_what_a_device_has() -> None:
    root = Path(str(nas.kit.on_device.__file__)).parents[2]
    names = (file.removesuffix(".py").removesuffix("/__init__") for file in METER)
    ours = {name.replace("/", ".") for name in names}
    for file in ("nas/kit/on_device.py", *METER):
        tree = ast.parse((root / file).read_text())
        for node in ast.walk(tree):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [str(node.module)]
            for module in modules:
                top = module.partition(".")[0]
                known = top in sys.stdlib_module_names or module in ours
                assert known or top in MAY_IMPORT.get(file, ()), f"{file} imports {module}"
