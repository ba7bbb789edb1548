"""OpenVINO: Intel's runtime, for x86 and ARM CPUs."""

from collections.abc import Mapping

import onnx
import openvino
import torch
from torch import nn

from nas.runtimes.fold import fold_batch_norm
from nas.runtimes.graph_cache import GraphCache
from nas.runtimes.onnx_graph import OnnxModel
from nas.runtimes.padding import padded_batches
from nas.runtimes.peak_memory import peak_memory_bytes
from nas.runtimes.quantise import details_of, quantised
from nas.runtimes.runtime import require_one_of

# By default OpenVINO computes in bfloat16 where the CPU supports it: faster, but less precise.
# An int8 model says itself which of its layers are quantised; the hint is for the others.
PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16", "int8": "f32"}


class OpenVino:
    """OpenVINO's CPU plugin with the LATENCY performance hint."""

    name = "openvino"
    version = openvino.__version__

    def __init__(self, device: str, num_threads: int, dtype: str = "float32") -> None:
        require_one_of(self.name, "device", ("cpu",), device)
        self._core = openvino.Core()
        possible = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        names = {"FP32": "float32", "BF16": "bfloat16", "FP16": "float16", "INT8": "int8"}
        require_one_of(self.name, "dtype", [names[p] for p in possible if p in names], dtype)
        self.device = device
        self.num_threads = num_threads
        self.dtype = dtype
        self.details: Mapping[str, str] = details_of(dtype)
        self._graphs = GraphCache("float32" if dtype == "int8" else dtype)

    def compile(
        self, network: nn.Module, images: torch.Tensor, calibration: torch.Tensor | None = None
    ) -> "OpenVinoNetwork":
        """See `Runtime.compile`; only the first network of an architecture takes seconds."""
        # A graph exported in channels-last order has its channel counts baked into a reshape.
        plain = fold_batch_norm(network, images).to(memory_format=torch.contiguous_format)

        def load(model: OnnxModel) -> OpenVinoNetwork:
            return self._load(model, images)

        compiled = self._graphs.compile(plain, images.contiguous(), load)
        return load(quantised(compiled.model, calibration)) if self.dtype == "int8" else compiled

    def _load(self, model: OnnxModel, images: torch.Tensor) -> "OpenVinoNetwork":
        compiled = self._core.compile_model(
            _read(self._core, model),
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": self.num_threads,
                "ENABLE_CPU_PINNING": False,  # it would pin PyTorch's threads to one core too
                "INFERENCE_PRECISION_HINT": PRECISIONS[self.dtype],
            },
        )
        return OpenVinoNetwork(model, compiled, images, self.num_threads, self.dtype)


class OpenVinoNetwork:
    """A compiled model whose input tensor holds the images that it is timed on."""

    def __init__(
        self,
        model: OnnxModel,
        compiled: openvino.CompiledModel,
        images: torch.Tensor,
        num_threads: int,
        dtype: str,
    ) -> None:
        self.model, self._num_threads, self._dtype = model, num_threads, dtype
        self._batch_size = len(images)
        self._pixels = images.contiguous().numpy()
        self._images = openvino.Tensor(self._pixels, shared_memory=True)
        self._request = compiled.create_infer_request()
        self._request.set_input_tensor(self._images)

    def run(self) -> None:
        """See `CompiledNetwork.run`."""
        # The synchronous `infer` used only one of its two threads (OpenVINO 2026.4, two cores).
        self._request.start_async()
        self._request.wait()

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """See `CompiledNetwork.logits`; uses the batch size of the timed images.

        Reuses the timed request: a second one would allocate memory of its own.
        """
        outputs = [self._logits(batch) for batch in padded_batches(images, self._batch_size)]
        self._request.set_input_tensor(self._images)
        return torch.cat(outputs)[: len(images)]

    def _logits(self, batch: torch.Tensor) -> torch.Tensor:
        self._request.set_input_tensor(openvino.Tensor(batch.numpy(), shared_memory=True))
        self.run()
        return torch.from_numpy(self._request.get_output_tensor().data.copy())

    def peak_memory_bytes(self) -> int | None:
        """See `CompiledNetwork.peak_memory_bytes`; measured in float32 and int8 only."""
        if PRECISIONS[self._dtype] != "f32":
            return None
        content = self.model.self_contained().SerializeToString()
        return peak_memory_bytes(content, OpenVino.name, self._num_threads)


def _read(core: openvino.Core, model: OnnxModel) -> openvino.Model:
    """Read the graph with its weights as inputs, then replace these by constants without a copy.

    ONNX external data would have to be written to a file first: 100 MB for ResNet-50.
    """
    graph = onnx.ModelProto()
    graph.CopyFrom(model.graph)
    embedded = [item for item in graph.graph.initializer if item.name not in model.weights]
    for item in graph.graph.initializer:
        if item.name in model.weights:
            value_info = onnx.helper.make_tensor_value_info(item.name, item.data_type, item.dims)
            graph.graph.input.append(value_info)
    del graph.graph.initializer[:]
    graph.graph.initializer.extend(embedded)
    read = core.read_model(graph.SerializeToString())
    for parameter in read.get_parameters():
        if parameter.get_friendly_name() in model.weights:
            array = model.weights[parameter.get_friendly_name()]
            constant = openvino.op.Constant(array, shared_memory=True)
            parameter.output(0).replace(constant.output(0))
            read.remove_parameter(parameter)
    read.validate_nodes_and_infer_types()
    return read
