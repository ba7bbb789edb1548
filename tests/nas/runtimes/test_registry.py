import pytest
import torch

from nas.errors import RuntimeUnavailableError
from nas.runtimes import load_runtime
from nas.runtimes.registry import RUNTIMES, default_dtype
from supernet.cores import Cores


def test_by_default_and_at_most_there_is_a_thread_for_each_usable_core(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nas.threads.usable_cores", lambda: Cores(frozenset(range(64)), 3.2))
    assert load_runtime("onnxruntime").num_threads == 3
    with pytest.raises(RuntimeUnavailableError, match=r"may use, 3 \(.*\), but got 4; use"):
        load_runtime("onnxruntime", num_threads=4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "tflite"}, "the runtime must be one of .*eager, .*onnxruntime.*, but got tflite"),
        ({"device": "tpu"}, "the device must be cpu or cuda, but got tpu"),
        ({"num_threads": 0}, "the number of threads must be >= 1, but got 0"),
        (
            {"name": "onnxruntime", "dtype": "bfloat16"},
            "the dtype of onnxruntime must be float32 or int8 on this machine, but got bfloat16",
        ),
        (
            {"name": "cudagraph"},
            "the device of cudagraph must be cuda on this machine, but got cpu",
        ),
        ({"name": "eager", "dtype": "int8"}, "must be float32 or bfloat16 or float16 on this"),
    ],
)
def test_bad_arguments_are_one_clear_line(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(RuntimeUnavailableError, match=message) as error:
        load_runtime(**arguments)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_cuda_without_a_gpu_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeUnavailableError, match="there is none; use --device cpu"):
        load_runtime(device="cuda")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RUNTIMES, "absent", "absent_package.Runtime")
    with pytest.raises(RuntimeUnavailableError, match=r"needs the package absent_package, which"):
        load_runtime("absent")


@pytest.mark.parametrize("name", ["eager", "inductor"])
def test_int8_where_there_is_none_is_one_clear_line(name: str) -> None:
    message = f"the dtype of {name} must be .* but got int8; use --runtime onnxruntime or openvino"
    with pytest.raises(RuntimeUnavailableError, match=message) as refused:
        load_runtime(name, num_threads=1, dtype="int8")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("names", "device", "dtype"),
    [
        ([None], "cpu", "float32"),
        ([None], "cuda", "float16"),
        (["cudagraph", "eager"], "cuda", "float16"),
        ([None, "onnxruntime"], "cuda", "float32"),
    ],
)
def test_the_default_number_type_is_what_is_deployed(
    names: list[str | None], device: str, dtype: str
) -> None:
    assert default_dtype(names, device) == dtype


def test_the_default_on_cuda_is_one_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    runtime = load_runtime(device="cuda", dtype=default_dtype([None], "cuda"), num_threads=1)
    assert (runtime.name, runtime.dtype) == ("cudagraph", "float16")
