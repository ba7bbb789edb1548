import pytest

from nas.errors import RuntimeUnavailableError


@pytest.mark.filterwarnings("ignore")
def test_another_device_is_one_clear_line() -> None:
    runtime = pytest.importorskip("executorch", reason="the extra executorch is not installed")
    assert runtime
    from nas.runtimes.executorch import ExecuTorch

    with pytest.raises(
        RuntimeUnavailableError,
        match="device of executorch must be cpu on this machine, but got cuda",
    ):
        ExecuTorch("cuda", 1)
