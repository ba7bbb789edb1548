import os
import sys
from typing import Any

import pytest
import torch
from torch import nn

from nas.errors import RuntimeUnavailableError
from supernet.cores import usable_cores

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def litert(*args: Any) -> Any:
    pytest.importorskip("litert_torch", reason="the extra litert is not installed")
    from nas.runtimes.litert import LiteRt

    return LiteRt(*args)


def test_another_device_is_one_clear_line() -> None:
    with pytest.raises(
        RuntimeUnavailableError, match="device of litert must be cpu on this machine, but got cuda"
    ):
        litert("cuda", 1)


def test_compiling_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    runtime = litert("cpu", 1)
    capfd.readouterr()
    runtime.compile(nn.Conv2d(3, 8, 3), torch.rand(1, 3, 16, 16)).run()
    assert capfd.readouterr() == ("", "")
    os.write(2, b"heard again")
    assert capfd.readouterr().err == "heard again"


@pytest.mark.skipif(sys.platform != "linux", reason="counts the threads in /proc")
def test_it_has_as_many_threads_as_it_is_given() -> None:
    if usable_cores().num_usable < 2:
        pytest.skip("two cores are needed")
    images, network = torch.rand(1, 3, 16, 16), nn.Conv2d(3, 8, 3)
    litert("cpu", 1).compile(network, images)  # the converter has threads of its own
    started, compiled = [], []
    for num_threads in (1, 2):
        before = len(os.listdir("/proc/self/task"))
        compiled.append(litert("cpu", num_threads).compile(network, images))
        compiled[-1].run()
        started.append(len(os.listdir("/proc/self/task")) - before)
    assert started == [0, 1]
