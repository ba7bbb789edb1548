import pytest

from nas.errors import RuntimeUnavailableError
from nas.runtimes.torch_export import TorchExport


def test_it_is_for_cpus_and_float32() -> None:
    with pytest.raises(RuntimeUnavailableError, match="device of torch_export must be cpu"):
        TorchExport("cuda", 1)
    with pytest.raises(RuntimeUnavailableError, match="dtype of torch_export must be float32"):
        TorchExport("cpu", 1, "bfloat16")
