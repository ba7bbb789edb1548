import platform
from pathlib import Path

import pytest

import nas.target
from nas.runtimes import load_runtime
from nas.target import cpu_name, describe_target, governor


def test_a_target_names_all_that_a_latency_depends_on() -> None:
    runtime = load_runtime("onnxruntime", num_threads=2)
    target = describe_target(runtime, 4)
    assert (target.runtime, target.runtime_version) == ("onnxruntime", runtime.version)
    assert (target.batch_size, target.num_threads, target.dtype) == (4, 2, "float32")
    assert target.details["provider"] == "CPUExecutionProvider"
    assert {"cpu", "governor", "machine", "os", "python", "torch"} <= set(target.details)
    assert target.details["python"] == platform.python_version()


def test_unlike_targets_have_unlike_fingerprints() -> None:
    two, one = (load_runtime("onnxruntime", num_threads=num) for num in (2, 1))
    assert describe_target(two, 1).fingerprint == describe_target(two, 1).fingerprint
    assert describe_target(two, 1).fingerprint != describe_target(two, 8).fingerprint
    assert describe_target(two, 1).fingerprint != describe_target(one, 1).fingerprint


def test_the_cpu_and_its_governor_are_read_where_linux_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name\t: Cortex-A76\n")
    (tmp_path / "governor").write_text("performance\n")
    monkeypatch.setattr(nas.target, "CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(nas.target, "GOVERNOR", tmp_path / "governor")
    assert (cpu_name(), governor()) == ("Cortex-A76", "performance")


def test_elsewhere_they_are_not_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nas.target, "CPU_INFO", tmp_path / "none")
    monkeypatch.setattr(nas.target, "GOVERNOR", tmp_path / "none")
    assert governor() == "unknown"
    assert cpu_name() in (platform.processor(), platform.machine())
