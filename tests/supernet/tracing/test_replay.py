import torch
from torch import Tensor, nn

from supernet.tracing import Trace, find_failure, follow_paths


class Hard(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.first, self.size = nn.Conv2d(3, 4, 1), size

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.first(x).reshape(-1, self.size, 64).mean(2)
        return out


def images() -> Tensor:
    return torch.empty(2, 3, 8, 8, device="meta")


def trace_of(model: nn.Module) -> Trace:
    trace = Trace(model, divisor=1)
    with follow_paths(model) as paths:
        trace.run(model, (images(),), paths)
    return trace


def test_replaying_the_traced_network_finds_no_failure() -> None:
    model = Hard(4).to("meta")
    assert find_failure(model, (images(),), trace_of(model).passes[0], len) is None


def test_another_shape_is_found_where_it_first_appears() -> None:
    operations = trace_of(Hard(4).to("meta")).passes[0]
    failure = find_failure(Hard(2).to("meta"), (images(),), operations, len)
    assert failure is not None
    assert failure.index == 1
    assert failure.why.startswith("a size is fixed in the code: (4, 2, 64)")


def test_what_the_network_raises_is_the_reason() -> None:
    operations = trace_of(Hard(4).to("meta")).passes[0]
    failure = find_failure(Hard(3).to("meta"), (images(),), operations, len)
    assert failure is not None
    assert failure.index == 1
    assert "shape" in failure.why
