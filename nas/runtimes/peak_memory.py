"""Peak memory of a process that loads a network and runs it once.

It is measured in a separate process that imports only the runtime: memory freed by another network
would hide what this one needs. Only Linux reports a process's peak memory; elsewhere it is unknown.
The peak includes loading, because a device must have that much to run the network at all.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

STATUS = Path("/proc/self/status")


def peak_memory_bytes(model: bytes, runtime: str, num_threads: int) -> int | None:
    """Peak memory of the ONNX file `model`, above the memory of the process with the runtime alone.

    `runtime` is "onnxruntime" or "openvino". None if the system does not report it.
    """
    if not STATUS.is_file():
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model)
        done = subprocess.run(
            # -P: modules in this file's folder have the same names as the runtimes' packages.
            [sys.executable, "-P", __file__, runtime, str(path), str(num_threads)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return int(done.stdout.split()[-1])


def _resident_bytes(field: str) -> int:
    """VmRSS (current) or VmHWM (peak) of this process, in bytes."""
    for line in STATUS.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return 1024 * int(value.split()[0])
    raise ValueError(f"{STATUS} must hold {field}, but doesn't")


def _run_in_onnxruntime(path: str, num_threads: int) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.log_severity_level = 4
    before = _resident_bytes("VmRSS")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (images,) = session.get_inputs()
    dtype = np.uint8 if images.type == "tensor(uint8)" else np.float32
    session.run(None, {images.name: np.ones(images.shape, dtype)})
    print(_resident_bytes("VmHWM") - before)


def _run_in_openvino(path: str, num_threads: int) -> None:
    import openvino

    core = openvino.Core()
    core.get_property("CPU", "FULL_DEVICE_NAME")  # loads the plugin
    before = _resident_bytes("VmRSS")
    compiled = core.compile_model(
        path,
        "CPU",
        {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": num_threads,
            "INFERENCE_PRECISION_HINT": "f32",
        },
    )
    images = compiled.input(0)
    compiled(np.ones(images.shape, images.element_type.to_dtype()))
    print(_resident_bytes("VmHWM") - before)


RUNTIMES = {"onnxruntime": _run_in_onnxruntime, "openvino": _run_in_openvino}


if __name__ == "__main__":
    RUNTIMES[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
