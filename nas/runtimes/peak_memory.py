"""The most memory that a process needs to load a network and run it once.

It is measured in a process of its own that imports nothing but the runtime: memory that another
network left behind would hide what this one needs. Linux tells a process's peak; elsewhere it is
unknown. The peak while loading is part of it: a device that hasn't got that can't run the network.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

STATUS = Path("/proc/self/status")


def peak_memory_bytes(model: bytes, runtime: str, num_threads: int) -> int | None:
    """Peak above that of the process with the runtime alone, for the ONNX file `model`.

    `runtime` is "onnxruntime" or "openvino". None where the system doesn't tell.
    """
    if not STATUS.is_file():
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model)
        done = subprocess.run(
            # -P: beside this file lie modules that are called as the runtimes' packages are.
            [sys.executable, "-P", __file__, runtime, str(path), str(num_threads)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return int(done.stdout.split()[-1])


def _resident_bytes(field: str) -> int:
    """VmRSS (now) or VmHWM (the peak so far) of this process."""
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
    session.run(None, {images.name: np.ones(images.shape, np.float32)})
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
    compiled(np.ones(compiled.input(0).shape, np.float32))
    print(_resident_bytes("VmHWM") - before)


RUNTIMES = {"onnxruntime": _run_in_onnxruntime, "openvino": _run_in_openvino}


if __name__ == "__main__":
    RUNTIMES[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
