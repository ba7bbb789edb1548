from pathlib import Path

import pytest
import torch

from nas.evaluate.reference_network import reference_images, reference_network, reference_workload
from nas.runtimes import load_runtime
from supernet.cores import Cores


def test_it_is_the_same_network_each_time_whatever_the_seed() -> None:
    torch.manual_seed(1)
    one = reference_network()(reference_images())
    after_one = torch.rand(1)
    torch.manual_seed(1)
    assert torch.rand(1).equal(after_one)  # the caller's random numbers go on as if nothing was
    assert reference_network()(reference_images()).equal(one)
    assert one.isfinite().all()


def test_it_is_compiled_once_and_known_by_runtime_and_threads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("nas.threads.usable_cores", lambda: Cores(frozenset({0, 1}), None))
    one, two = (load_runtime("onnxruntime", num_threads=number) for number in (1, 2))
    reference = reference_workload(one)
    reference.run()
    assert reference_workload(one)._network is reference._network
    assert reference_workload(two)._network is not reference._network
    reference.record_best(1e-9)
    assert reference_workload(one).quickest_s == 1e-9
    assert reference_workload(two).quickest_s > 1e-9


def test_it_stays_in_float_where_networks_are_int8() -> None:
    """It measures the machine, and what is known of a machine's speed holds for both."""
    in_float, in_int8 = (
        reference_workload(load_runtime("onnxruntime", num_threads=1, dtype=dtype))
        for dtype in ("float32", "int8")
    )
    assert in_int8._network is in_float._network
