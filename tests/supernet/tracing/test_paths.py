import pytest
import torch
from torch import Tensor, nn

from supernet.tracing.paths import follow_paths


class Outer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.inner(x)
        return out


def test_the_innermost_running_module_is_named_and_operations_are_counted() -> None:
    model, seen = Outer(), []
    with follow_paths(model) as paths:
        handle = model.inner[0].register_forward_hook(
            lambda *_: seen.extend([paths.next_site("a"), paths.next_site("a")]), prepend=True
        )
        model(torch.zeros(1))
        handle.remove()
    assert [site.path for site in seen] == ["inner.0", "inner.0"]
    assert [site.number for site in seen] == [1, 2]
    assert not model._forward_hooks
    assert not model.inner._forward_pre_hooks


def test_a_module_that_raises_is_no_longer_the_running_one() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    with follow_paths(model) as paths:
        with pytest.raises(RuntimeError):
            model(torch.zeros(1, 3))
        assert paths.next_site("a").path == ""
