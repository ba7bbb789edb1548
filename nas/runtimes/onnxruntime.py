"""ONNX Runtime: the usual deployment on CPUs."""

from collections.abc import Mapping

import onnxruntime
import torch
from torch import nn

from nas.errors import RuntimeUnavailableError
from nas.runtimes.fold import fold_batch_norm
from nas.runtimes.graph_cache import GraphCache
from nas.runtimes.onnx_graph import INPUT, OUTPUT, OnnxModel
from nas.runtimes.padding import padded_batches
from nas.runtimes.peak_memory import peak_memory_bytes
from nas.runtimes.quantise import details_of, quantised
from nas.runtimes.runtime import require_one_of

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxRuntime:
    """ONNX Runtime with all graph optimisations and sequential execution."""

    name = "onnxruntime"
    version = onnxruntime.__version__

    def __init__(self, device: str, num_threads: int, dtype: str = "float32") -> None:
        require_one_of(self.name, "dtype", ("float32", "int8"), dtype)
        if dtype == "int8":
            require_one_of(f"int8 in {self.name}", "device", ("cpu",), device)
        if PROVIDERS[device] not in onnxruntime.get_available_providers():
            raise RuntimeUnavailableError(
                f"ONNX Runtime must offer {PROVIDERS[device]}, but offers "
                f"{', '.join(onnxruntime.get_available_providers())}; "
                "install onnxruntime-gpu or use --runtime eager"
            )
        self.device = device
        self.num_threads = num_threads
        self.dtype = dtype
        self.details: Mapping[str, str] = {"provider": PROVIDERS[device]} | details_of(dtype)
        self._graphs = GraphCache()

    def compile(
        self, network: nn.Module, images: torch.Tensor, calibration: torch.Tensor | None = None
    ) -> "OnnxNetwork":
        """See `Runtime.compile`; the first network of an architecture takes seconds, others 0.3.

        int8 takes as long again for each, and longer for large images.
        """

        def load(model: OnnxModel) -> OnnxNetwork:
            return OnnxNetwork(model, images, self.device, self.num_threads)

        # A graph exported in channels-last order has its channel counts baked into a reshape.
        plain = fold_batch_norm(network, images).to(memory_format=torch.contiguous_format)
        compiled = self._graphs.compile(plain, images.contiguous(), load)
        return load(quantised(compiled.model, calibration)) if self.dtype == "int8" else compiled


class OnnxNetwork:
    """An inference session bound to the images that it is timed on, on the device."""

    def __init__(
        self, model: OnnxModel, images: torch.Tensor, device: str, num_threads: int
    ) -> None:
        self.model = model
        self._device, self._num_threads = device, num_threads
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 4  # silent: GraphCache tries graphs that may not fit
        # Without this, a session's threads spin for 40 ms after a run and occupy the cores of the
        # network timed next: alternating sessions took twice as long as each alone.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(a) for a in model.weights.values()]
        options.add_external_initializers(list(model.weights), values)
        self._session = onnxruntime.InferenceSession(
            model.graph.SerializeToString(), options, providers=[PROVIDERS[device]]
        )
        self._batch_size = len(images)
        self._binding = self._session.io_binding()
        resident = onnxruntime.OrtValue.ortvalue_from_numpy(images.numpy(), device, 0)
        self._binding.bind_ortvalue_input(INPUT, resident)
        self._binding.bind_output(OUTPUT, device)

    def run(self) -> None:
        """See `CompiledNetwork.run`."""
        self._session.run_with_iobinding(self._binding)
        self._binding.synchronize_outputs()

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """See `CompiledNetwork.logits`; uses the batch size of the timed images."""
        outputs = [
            self._session.run([OUTPUT], {INPUT: batch.numpy()})[0]
            for batch in padded_batches(images, self._batch_size)
        ]
        return torch.cat([torch.from_numpy(output) for output in outputs])[: len(images)]

    def peak_memory_bytes(self) -> int | None:
        """See `CompiledNetwork.peak_memory_bytes`."""
        if self._device != "cpu":
            return None
        content = self.model.self_contained().SerializeToString()
        return peak_memory_bytes(content, OnnxRuntime.name, self._num_threads)
