import pytest
import torch
from torch import nn

from supernet.tracing.call import Call
from supernet.tracing.labelling import Labelling


@pytest.fixture
def model() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1, bias=False)).to("meta")


@pytest.fixture
def labelling(model: nn.Sequential) -> Labelling:
    """As the rule of the first convolution leaves it."""
    labelling = Labelling(model, divisor=1)
    labelling.here = "aten.convolution", "0"
    weight = model.get_parameter("0.weight")
    made = labelling.axes_of(weight)[0]
    labelling.multiply(weight, made, 64 * weight.numel())
    return labelling


def test_a_parameter_has_the_same_labels_each_time(
    labelling: Labelling, model: nn.Sequential
) -> None:
    out_channels, in_channels, *kernel = labelling.axes_of(model.get_parameter("1.weight"))
    assert out_channels is not None
    assert in_channels is not None
    assert len({*out_channels.tolist(), *in_channels.tolist()}) == 2 + 4
    assert kernel == [None, None]  # a single entry has no label
    assert labelling.axes_of(model.get_parameter("1.weight"))[0] is out_channels


def test_a_product_makes_channels(labelling: Labelling, model: nn.Sequential) -> None:
    assert [(made.path, made.num_positions) for made in labelling.made] == [("0", 64)]
    assert labelling.made_dims == {"0.weight": 0}
    assert labelling.macs == {"0.weight": 64 * model.get_parameter("0.weight").numel()}
    assert len(labelling.made_roots()) == 4
    labelling.begin_pass()
    assert labelling.macs == {}


def test_joined_channels_are_the_same_and_what_meets_a_fixed_size_is_kept(
    labelling: Labelling, model: nn.Sequential
) -> None:
    made, read = (
        labelling.axes_of(model.get_parameter("0.weight"))[0],
        labelling.axes_of(model.get_parameter("1.weight"))[1],
    )
    assert made is not None
    assert read is not None
    assert labelling.join(made, read, "no reason") is made
    assert torch.equal(labelling.labels.roots(made), labelling.labels.roots(read))
    assert labelling.kept == []
    labelling.join(None, read, "a fixed size")
    assert not labelling.labels.roots(made).any()
    assert [kept.why for kept in labelling.kept] == ["a fixed size"]


def test_keeping_records_the_first_reason(labelling: Labelling, model: nn.Sequential) -> None:
    axis = labelling.axes_of(model.get_parameter("0.weight"))[0]
    assert labelling.keep(axis, "a reason", ("aten.x", "first"))
    assert not labelling.keep(axis, "another reason", ("aten.y", "first"))
    found = [(kept.operation, kept.why, kept.num_channels) for kept in labelling.kept]
    assert found == [("aten.x", "a reason", 4)]


def test_what_is_computed_from_a_weight_counts_as_that_weight_until_the_pass_ends(
    labelling: Labelling, model: nn.Sequential
) -> None:
    weight = model.get_parameter("0.weight")
    transposed = weight.detach().transpose(0, 1)
    labelling.follow_weights(Call(torch.ops.aten.transpose.int, (weight, 0, 1), {}, transposed))
    assert labelling.weight_of(transposed) == "0.weight"
    labelling.set_axes(transposed, labelling.axes_of(weight))
    labelling.end_pass()
    assert labelling.weight_of(transposed) is None
    assert labelling.axes_of(transposed) == (None,) * 4
