import pytest
import torch

from supernet.cores import Cores
from supernet.device import choose_device
from supernet.errors import SupernetError


def test_the_default_device_is_cuda_where_there_is_one() -> None:
    assert choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_without_cuda_is_one_clear_line() -> None:
    with pytest.raises(SupernetError, match="'cuda' is not") as caught:
        choose_device("cuda")
    assert "\n" not in str(caught.value)


def test_a_device_with_a_number_becomes_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CUDA graph that is recorded on another one records nothing."""
    current = list[torch.device]()
    monkeypatch.setattr(torch, "empty", lambda _, device: None)
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    assert [choose_device(name).index for name in ("cuda:1", "cuda", "cpu")] == [1, None, None]
    assert current == [torch.device("cuda:1")]


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(SupernetError, match="'toaster' is not"):
        choose_device("toaster")


def test_pytorch_has_no_more_threads_than_a_containers_quota_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    num_threads = [8]
    monkeypatch.setattr(torch, "get_num_threads", lambda: num_threads[-1])
    monkeypatch.setattr(torch, "set_num_threads", num_threads.append)
    monkeypatch.setattr("supernet.device.usable_cores", lambda: Cores(frozenset(range(8)), 2.5))
    choose_device("cpu")
    choose_device("cpu")
    assert num_threads == [8, 2]
