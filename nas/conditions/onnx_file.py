"""An ONNX file in ONNX Runtime or OpenVINO, set up as by `nas.runtimes` but without PyTorch.

As a script, this is the fresh process whose first call is timed (`nas.conditions.first_call`):

    python -P onnx_file.py RUNTIME FILE NUM_THREADS

prints the seconds of each step as JSON. It imports nothing of ours, which would add to them.
"""

import importlib
import itertools
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class OnnxFile(Protocol):
    """A loaded file: `run` repeats the inference on the images that it holds, noise at first."""

    def run(self) -> None:
        """Run one inference; return when it has finished."""

    def logits(self, images: NDArray[Any]) -> NDArray[Any]:
        """The outputs for other images of the same shape and dtype."""


class InOnnxRuntime:
    """The file's `content` in ONNX Runtime, on a CPU."""

    def __init__(self, content: bytes, num_threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.log_severity_level = 4
        # Without this, the threads of one network still spin while the next one is timed.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self._session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        (images,) = self._session.get_inputs()
        self._input: str = images.name
        dtype = np.uint8 if images.type == "tensor(uint8)" else np.float32
        self._binding = self._session.io_binding()
        self._binding.bind_cpu_input(self._input, noise(images.shape, dtype))
        self._binding.bind_output(self._session.get_outputs()[0].name)

    def run(self) -> None:
        """See `OnnxFile.run`."""
        self._session.run_with_iobinding(self._binding)

    def logits(self, images: NDArray[Any]) -> NDArray[Any]:
        """See `OnnxFile.logits`."""
        outputs: NDArray[Any]
        (outputs,) = self._session.run(None, {self._input: images})
        return outputs


class InOpenVino:
    """The file's `content` in OpenVINO's CPU plugin, in float32."""

    def __init__(self, content: bytes, num_threads: int) -> None:
        import openvino

        self._tensor = openvino.Tensor
        core = openvino.Core()
        compiled = core.compile_model(
            core.read_model(content),
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": num_threads,
                "ENABLE_CPU_PINNING": False,
                "INFERENCE_PRECISION_HINT": "f32",
            },
        )
        self._request = compiled.create_infer_request()
        images = compiled.input(0)
        self._feed(noise(images.shape, images.element_type.to_dtype()))

    def run(self) -> None:
        """See `OnnxFile.run`."""
        # The synchronous `infer` used only one of its two threads (OpenVINO 2026.4, two cores).
        self._request.start_async()
        self._request.wait()

    def logits(self, images: NDArray[Any]) -> NDArray[Any]:
        """See `OnnxFile.logits`."""
        self._feed(images)
        self.run()
        outputs: NDArray[Any] = self._request.get_output_tensor().data.copy()
        return outputs

    def _feed(self, images: NDArray[Any]) -> None:
        self._images = images  # the tensor shares its memory
        self._request.set_input_tensor(self._tensor(images, shared_memory=True))


LOADERS: dict[str, Callable[[bytes, int], OnnxFile]] = {
    "onnxruntime": InOnnxRuntime,
    "openvino": InOpenVino,
}
"""The runtimes that load ONNX files, by their packages."""


def load(path: Path, runtime: str, num_threads: int) -> OnnxFile:
    """Load a file in one of LOADERS; raises what the runtime raises."""
    return LOADERS[runtime](path.read_bytes(), num_threads)


def noise(shape: Sequence[int], dtype: Any) -> NDArray[Any]:
    """Random pixels or, for a network of floats, normalised images; always the same."""
    generator = np.random.default_rng(0)
    if dtype == np.uint8:
        return generator.integers(0, 256, tuple(shape), dtype=np.uint8)
    return generator.standard_normal(tuple(shape), dtype=np.float32)


def main(runtime: str, path: str, num_threads: str) -> None:
    """Load and run the file once; print the seconds that each step took."""
    times = [time.perf_counter()]
    importlib.import_module(runtime)
    times.append(time.perf_counter())
    content = Path(path).read_bytes()
    times.append(time.perf_counter())
    network = LOADERS[runtime](content, int(num_threads))
    times.append(time.perf_counter())
    network.run()
    times.append(time.perf_counter())
    steps = [after - before for before, after in itertools.pairwise(times)]
    print(json.dumps(dict(zip(("import", "load", "prepare", "run"), steps, strict=True))))


if __name__ == "__main__":
    main(*sys.argv[1:])
