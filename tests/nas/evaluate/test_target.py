import platform

from nas.evaluate.target import describe_target
from nas.runtimes import load_runtime


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
