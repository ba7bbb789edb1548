import platform
from types import SimpleNamespace

import pytest
import torch

from nas.evaluate.target import describe_target
from nas.meter.machine import machine_details
from nas.runtimes import load_runtime
from supernet.cores import Cores, usable_cores


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """On any machine, two threads can be asked for."""
    monkeypatch.setattr("nas.threads.usable_cores", lambda: Cores(frozenset({0, 1}), None))


def test_a_target_names_all_that_a_latency_depends_on() -> None:
    runtime = load_runtime("onnxruntime", num_threads=2)
    target = describe_target(runtime, 4)
    assert (target.runtime, target.runtime_version) == ("onnxruntime", runtime.version)
    assert (target.batch_size, target.num_threads, target.dtype) == (4, 2, "float32")
    assert target.details["provider"] == "CPUExecutionProvider"
    assert target.details["input"] == "uint8 NHWC, normalised in the network"
    assert {"cpu", "governor", "machine", "os", "python", "torch"} <= set(target.details)
    assert target.details["python"] == platform.python_version()


def test_unlike_targets_have_unlike_fingerprints() -> None:
    two, one = (load_runtime("onnxruntime", num_threads=num) for num in (2, 1))
    assert describe_target(two, 1).fingerprint == describe_target(two, 1).fingerprint
    assert describe_target(two, 1).fingerprint != describe_target(two, 8).fingerprint
    assert describe_target(two, 1).fingerprint != describe_target(one, 1).fingerprint


def test_processors_of_one_name_are_two_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime, details = load_runtime("onnxruntime", num_threads=1), machine_details()
    here = describe_target(runtime, 1)
    narrow = {**details, "instruction_sets": "avx avx2"}
    monkeypatch.setattr("nas.evaluate.target.machine_details", lambda: narrow)
    assert describe_target(runtime, 1).device == here.device
    assert describe_target(runtime, 1) != here


def test_what_may_differ_the_next_time_is_only_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = load_runtime("onnxruntime", num_threads=1)
    here = describe_target(runtime, 1)
    assert here.observed["num_usable_cores"] == usable_cores().num_usable
    monkeypatch.setattr("nas.evaluate.target.observations", lambda: {"num_usable_cores": 99})
    assert describe_target(runtime, 1) == here


def test_a_gpu_is_described_by_its_driver_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = SimpleNamespace(
        name="NVIDIA H100", major=9, minor=0, multi_processor_count=132, total_memory=1, uuid="ab"
    )
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    facts = ({"gpu_driver_major": "550"}, {"gpu_driver": "550.54", "gpu_clock_mhz": "345"})
    monkeypatch.setattr("nas.evaluate.target.gpu_facts", lambda _: facts)
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 92000)
    runtime = load_runtime("eager", num_threads=1)
    monkeypatch.setattr(runtime, "device", "cuda")
    target = describe_target(runtime, 1)
    assert target.device == "NVIDIA H100"
    assert target.details["gpu_capability"] == "9.0"
    assert target.details["gpu_driver_major"] == "550"
    assert target.details["cudnn"] == "92000"
    assert target.known("gpu_driver") == "550.54"
    assert target.observed["gpu_memory_bytes"] == 1
    assert "cpu" in target.details
