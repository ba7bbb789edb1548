import torch
from torch import Tensor, nn

from supernet.tracing import Trace, follow_paths


class Held(nn.Module):
    """Holds a tensor that is neither parameter nor buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1)
        self.held = torch.ones(1, 1, 8, 8)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.second(self.first(x) + self.held)
        return out


def traced() -> Trace:
    model = Held().to("meta")
    trace = Trace(model, divisor=1)
    with follow_paths(model) as paths:
        trace.run(model, (torch.empty(2, 3, 8, 8, device="meta"),), paths)
    return trace


def test_a_pass_notes_operations_makers_and_positions() -> None:
    trace = traced()
    names = [operation.name for operation in trace.passes[0]]
    assert names == ["aten.convolution", "aten.add", "aten.convolution"]
    labelling = trace.labelling
    assert [(made.path, made.num_positions) for made in labelling.made] == [
        ("first", 64),
        ("second", 64),
    ]
    assert labelling.macs == {"first.weight": 64 * 3 * 4, "second.weight": 64 * 4 * 2}
    assert labelling.made_dims == {"first.weight": 0, "second.weight": 0}


def test_what_the_network_returns_is_kept_and_what_is_inside_is_not() -> None:
    trace = traced()
    axes = trace.labelling.axes
    first, second = axes["first.weight"][0], axes["second.weight"][0]
    assert first is not None
    assert second is not None
    assert trace.labelling.labels.roots(first).min() > 0
    assert not trace.labelling.labels.roots(second).any()
