import pytest
import torch
from torch import nn

from nas.errors import NasError, RuntimeUnavailableError
from nas.evaluate.reference_network import reference_workload
from nas.runtimes import load_runtime
from nas.runtimes.mixed import MixedRuntime, dtypes_of, in_dtype

IMAGES = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


def test_it_is_the_same_runtime_in_several_number_types() -> None:
    runtime = load_runtime("openvino", num_threads=1, dtype="float32+int8")
    assert isinstance(runtime, MixedRuntime)
    assert (runtime.name, runtime.device, runtime.num_threads) == ("openvino", "cpu", 1)
    assert runtime.dtype == "float32+int8"
    assert dtypes_of(runtime) == ("float32", "int8")
    assert in_dtype(runtime, "int8").dtype == "int8"
    assert in_dtype(runtime, None).dtype == "float32"
    assert runtime.details["quantisation"] == in_dtype(runtime, "int8").details["quantisation"]


def test_one_number_type_needs_no_name() -> None:
    runtime = load_runtime("eager", num_threads=1)
    assert dtypes_of(runtime) == (None,)
    assert in_dtype(runtime, None) is in_dtype(runtime, "float32") is runtime


def test_a_number_type_that_it_lacks_is_refused() -> None:
    with pytest.raises(NasError, match=r"must compute in int8, but .* float32; .*'float32\+int8'"):
        in_dtype(load_runtime("eager", num_threads=1), "int8")
    with pytest.raises(RuntimeUnavailableError, match="the dtype of eager must be"):
        load_runtime("eager", dtype="float32+int8")


def test_without_a_name_the_first_compiles() -> None:
    mixed = load_runtime("eager", num_threads=1, dtype="float32+bfloat16")
    alone = load_runtime("eager", num_threads=1).compile(network(), IMAGES)
    logits = mixed.compile(network(), IMAGES).logits(IMAGES)
    assert torch.equal(logits, alone.logits(IMAGES))
    in_bfloat16 = in_dtype(mixed, "bfloat16").compile(network(), IMAGES).logits(IMAGES)
    assert not torch.equal(logits, in_bfloat16.float())


def test_the_machine_is_judged_in_float() -> None:
    alone, mixed = (load_runtime(num_threads=1, dtype=each) for each in ("int8", "float32+int8"))
    networks = [reference_workload(each)._network for each in (alone, mixed)]
    assert networks[0] is networks[1]
