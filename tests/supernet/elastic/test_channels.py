import copy
import itertools
import random
from collections.abc import Collection

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.channels import _apart, trace_channels
from supernet.elastic.dims import Channels
from supernet.elastic.supernet import Supernet
from supernet.errors import ModelError
from supernet.space import SearchSpace

SPACE = SearchSpace(resolutions=(8,), divisor=1)


class CumulativeSum(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.cumsum(1)


def trace(*layers: nn.Module, channels: int = 3) -> Channels:
    return trace_channels(nn.Sequential(*layers), torch.empty(1, channels, 8, 8), SPACE)


def sizes(channels: Channels) -> tuple[int, ...]:
    return tuple(group.num_channels for group in channels.groups)


def group_of(channels: Channels, name: str, dim: int) -> int | None:
    """The group whose first channels this dimension holds; -1: kept whole."""
    entry = channels.dims[name][dim] if name in channels.dims else None
    return -1 if entry is None else entry.prefix_of


def test_a_chain_has_a_group_a_convolution_and_keeps_image_and_classes() -> None:
    channels = trace(
        nn.Conv2d(3, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 10, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(10, 4),
    )
    assert sizes(channels) == (6, 10)
    assert [group_of(channels, "0.weight", dim) for dim in range(4)] == [0, -1, -1, -1]
    assert group_of(channels, "1.weight", 0) == 0
    assert group_of(channels, "1.running_var", 0) == 0
    assert [group_of(channels, "3.weight", dim) for dim in range(2)] == [1, 0]
    assert [group_of(channels, "6.weight", dim) for dim in range(2)] == [-1, 1]
    assert group_of(channels, "6.bias", 0) == -1


def test_a_depthwise_convolution_belongs_to_its_inputs_group() -> None:
    channels = trace(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 5, 1))
    assert sizes(channels) == (8,)
    assert [group_of(channels, "1.weight", dim) for dim in range(2)] == [0, -1]
    assert group_of(channels, "1.bias", 0) == 0


def test_a_sum_ties_two_convolutions() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 1)
            self.branch = nn.Sequential(nn.Conv2d(8, 6, 1), nn.Conv2d(6, 8, 1))
            self.head = nn.Conv2d(8, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            return self.head(x + self.branch(x))  # type: ignore[no-any-return]

    channels = trace_channels(Residual(), torch.empty(1, 3, 8, 8), SPACE)
    assert sizes(channels) == (8, 6)
    assert group_of(channels, "stem.weight", 0) == group_of(channels, "branch.1.weight", 0) == 0
    assert group_of(channels, "branch.0.weight", 0) == 1
    assert group_of(channels, "head.weight", 1) == 0


def test_a_flatten_of_many_positions_repeats_each_channel() -> None:
    channels = trace(nn.Conv2d(3, 4, 5), nn.Flatten(), nn.Linear(4 * 4 * 4, 2))
    weight = torch.arange(2 * 64.0).reshape(2, 64)
    cut = channels.selector("2.weight")(weight, [3])
    assert torch.equal(cut, weight[:, : 3 * 16])


def test_an_operation_that_is_not_understood_keeps_its_channels() -> None:
    channels = trace(nn.Conv2d(3, 6, 1), CumulativeSum(), nn.Conv2d(6, 8, 1), nn.Conv2d(8, 2, 1))
    assert sizes(channels) == (8,)
    assert group_of(channels, "0.weight", 0) == -1
    (kept,) = channels.kept
    assert (kept.operation, kept.path, kept.num_channels) == ("aten.cumsum", "1", 6)


class Gate(nn.Module):
    """Goes another way when the image is dark."""

    def forward(self, x: Tensor) -> Tensor:
        return x if x.mean() > 0 else x * 2


def test_a_branch_that_depends_on_values_is_refused_with_its_module() -> None:
    with pytest.raises(ModelError, match=r"without reading their values, but got: .* in 1\)$"):
        trace(nn.Conv2d(3, 6, 1), Gate(), nn.Conv2d(6, 2, 1))


class ShuffledByNumpy(nn.Module):
    """Draws the order of its layers, and whether a size is fixed, from NumPy's global generator."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(6, 6, 1) for _ in range(4)])

    def forward(self, x: Tensor) -> Tensor:
        for i in np.random.permutation(4)[:2]:
            x = self.layers[int(i)](x)
        return x.view(-1, 6, 8, 8) if np.random.rand() < 0.5 else x


def test_the_groups_do_not_depend_on_the_state_of_a_global_generator() -> None:
    found = set()
    for seed in range(8):
        np.random.seed(seed)
        random.seed(seed)
        torch.manual_seed(seed)
        channels = trace(nn.Conv2d(3, 6, 1), ShuffledByNumpy(), nn.Conv2d(6, 8, 1))
        found.add((sizes(channels), tuple(kept.path for kept in channels.kept)))
        state = np.random.get_state()
        assert isinstance(state, tuple)
        np.random.seed(seed)
        expected = np.random.get_state()
        assert isinstance(expected, tuple)
        assert (state[1] == expected[1]).all()
    assert len(found) == 1


class OtherWayInEval(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.training_only, self.eval_only = nn.Conv2d(6, 6, 1), nn.Conv2d(6, 6, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.training_only(x) if self.training else self.eval_only(x)
        return out


def test_the_branches_of_training_and_of_eval_are_both_traced() -> None:
    channels = trace(nn.Conv2d(3, 6, 1), OtherWayInEval(), nn.Conv2d(6, 2, 1))
    assert sizes(channels) == (6, 6)
    for name in ("1.training_only.weight", "1.eval_only.weight"):
        assert [group_of(channels, name, dim) for dim in range(2)] == [1, 0]


class SkippedAtRandom(nn.Module):
    """Stochastic depth that decides for the whole batch, on the CPU."""

    def __init__(self, generator: str) -> None:
        super().__init__()
        self.layer, self.generator = nn.Conv2d(6, 6, 1), generator

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            draws = {"torch": lambda: torch.rand(1).item(), "numpy": np.random.rand}
            if draws.get(self.generator, random.random)() < 0.5:
                return x
        out: Tensor = x + self.layer(x)
        return out


@pytest.mark.parametrize("generator", ["torch", "numpy", "python"])
def test_layers_that_are_skipped_at_random_stay_elastic(generator: str) -> None:
    layers = [SkippedAtRandom(generator) for _ in range(6)]
    state = random.getstate()
    channels = trace(nn.Conv2d(3, 6, 1), *layers, nn.Conv2d(6, 2, 1))
    assert sizes(channels) == (6,)
    assert not channels.kept
    assert random.getstate() == state


def test_a_module_that_is_used_in_two_places_is_one() -> None:
    shared = nn.Conv2d(6, 6, 1)
    channels = trace(nn.Conv2d(3, 6, 1), shared, nn.ReLU(), shared, nn.Conv2d(6, 2, 1))
    assert sizes(channels) == (6,)
    assert [group_of(channels, "1.weight", dim) for dim in range(2)] == [0, 0]


def test_two_layers_with_one_weight_share_their_channels() -> None:
    first, second = nn.Conv2d(6, 6, 1, bias=False), nn.Conv2d(6, 6, 1, bias=False)
    second.weight = first.weight
    model = nn.Sequential(nn.Conv2d(3, 6, 1), first, nn.ReLU(), second, nn.Conv2d(6, 2, 1))
    supernet = Supernet(model, torch.empty(1, 3, 8, 8), SPACE)
    assert sizes(supernet.channels) == (6,)
    extracted = supernet.extract(supernet.space.smallest)
    assert extracted.get_parameter("1.weight") is extracted.get_parameter("3.weight")
    assert extracted.get_parameter("1.weight").shape == (2, 2, 1, 1)


def test_tracing_leaves_the_network_alone() -> None:
    model = nn.Sequential(nn.Conv2d(3, 6, 1), nn.BatchNorm2d(6)).eval()
    before = copy.deepcopy(model.state_dict())
    trace_channels(model, torch.empty(1, 3, 8, 8), SPACE)
    assert not model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_network_that_cannot_take_the_image_is_one_clear_line() -> None:
    with pytest.raises(ModelError, match=r"must run on \(1, 8, 8\) images") as caught:
        trace(nn.Conv2d(3, 6, 1), channels=1)
    assert "\n" not in str(caught.value)


class Checked(nn.Module):
    """Sixteen equal convolutions; the code behind some of them states a size."""

    def __init__(self, checked: Collection[int]) -> None:
        super().__init__()
        self.checked = checked
        self.layers = nn.ModuleList([nn.Conv2d(3 if i == 0 else 8, 8, 1) for i in range(16)])

    def forward(self, x: Tensor) -> Tensor:
        for i, layer in enumerate(self.layers):
            x = layer(x).relu()
            if i in self.checked:
                assert x.shape[1] == 8
        return x


@pytest.mark.parametrize("checked", [(3,), (0, 7), range(15)])
def test_a_size_stated_in_the_code_keeps_the_channels_there_and_no_others(
    checked: Collection[int],
) -> None:
    channels = trace(Checked(checked))
    assert sizes(channels) == (8,) * (15 - len(checked))
    assert all(kept.num_channels == 8 for kept in channels.kept)
    assert [kept.path for kept in channels.kept] == [f"0.layers.{i + 1}" for i in checked]


def test_a_bn_with_a_cumulative_average_is_elastic() -> None:
    """In training it reads its counter of batches, which is a number and not data."""
    norm = nn.BatchNorm2d(6, momentum=None)
    assert sizes(trace(nn.Conv2d(3, 6, 3), norm, nn.ReLU(), nn.Conv2d(6, 4, 3))) == (6,)
    assert norm.num_batches_tracked is not None
    assert norm.num_batches_tracked.item() == 0


class Scaled(nn.Module):
    """By a parameter whose entries must all stay, since they are also summed one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(6, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.scale.cumsum(0).sum()


class WithTheImage(nn.Module):
    """Channels that are shuffled, normalised or gated together with those of the image."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.conv, self.how, self.norm = nn.Conv2d(3, 9, 1), how, nn.GroupNorm(2, 12)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([x, self.conv(x)], 1)
        match self.how:
            case "shuffled":
                return y.view(-1, 2, 6, 8, 8).transpose(1, 2).reshape(-1, 12, 8, 8)
            case "normalised":
                return self.norm(y)  # type: ignore[no-any-return]
            case "gated":
                return nn.functional.glu(y, 1)
        return nn.functional.pixel_shuffle(y, 2)[..., ::2, ::2]


@pytest.mark.parametrize(
    ("how", "operation", "num_channels"),
    [
        ("shuffled", "aten.view", 3),
        ("normalised", "aten.native_group_norm", 3),
        ("gated", "aten.glu", 3),
        ("moved to positions", "aten.pixel_shuffle", 1),
    ],
)
def test_channels_that_are_tied_to_the_image_are_listed(
    how: str, operation: str, num_channels: int
) -> None:
    size = {"gated": 6, "moved to positions": 3}.get(how, 12)
    channels = trace(WithTheImage(how), nn.Conv2d(size, 8, 1), nn.Conv2d(8, 2, 1))
    assert 8 in sizes(channels)
    first = channels.kept[0]
    assert (first.operation, first.num_channels) == (operation, num_channels)
    assert first.why == "tied to channels that stay"


def test_channels_that_meet_a_parameter_that_stays_are_listed_with_its_reason() -> None:
    channels = trace(nn.Conv2d(3, 6, 1), Scaled(), nn.Conv2d(6, 8, 1), nn.Conv2d(8, 2, 1))
    assert sizes(channels) == (8,)
    (kept,) = channels.kept
    assert (kept.operation, kept.path, kept.num_channels) == ("aten.cumsum", "1", 6)


class WarmsUp(nn.Module):
    """Goes another way once it has seen a few batches, or fades it in."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.norm, self.late = how, nn.BatchNorm2d(6), nn.Conv2d(6, 6, 1)

    def forward(self, x: Tensor) -> Tensor:
        x, seen = self.norm(x), self.norm.num_batches_tracked
        assert seen is not None
        if self.how == "branches":
            return x if seen < 6 else self.late(x)
        out: Tensor = x + self.late(x) * (seen / 6).clamp(max=1)
        return out


@pytest.mark.parametrize("how", ["branches", "fades"])
def test_what_depends_on_the_number_of_batches_is_refused_by_name(how: str) -> None:
    with pytest.raises(ModelError) as caught:
        trace(nn.Conv2d(3, 6, 1), WarmsUp(how), nn.Conv2d(6, 2, 1))
    assert str(caught.value) == (
        "a network must compute the same however many batches it has seen (no subnet counts them), "
        "but 1 uses 1.norm.num_batches_tracked: take that out"
    )


class Switched(nn.Module):
    """Decides by the value of a tensor."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        if isinstance(value, nn.Parameter):
            self.value = value
        else:
            self.register_buffer("value", value)

    def forward(self, x: Tensor) -> Tensor:
        return x.relu() if self.value.sum() > 0.2 else x.tanh()


@pytest.mark.parametrize("value", [torch.tensor(0.5), torch.tensor(True), torch.tensor(3)])
def test_a_number_in_a_buffer_may_decide(value: Tensor) -> None:
    layers = nn.Conv2d(3, 6, 1), Switched(value), nn.Conv2d(6, 2, 1)
    supernet = Supernet(nn.Sequential(*layers), torch.empty(1, 3, 8, 8), SPACE)
    assert sizes(supernet.channels) == (6,)


@pytest.mark.parametrize("value", [nn.Parameter(torch.tensor(0.5)), torch.ones(2)])
def test_a_parameter_or_several_numbers_may_not_decide(value: Tensor) -> None:
    with pytest.raises(ModelError, match=r"but reads 1\.value .*: use torch.where") as caught:
        trace(nn.Conv2d(3, 6, 1), Switched(value), nn.Conv2d(6, 2, 1))
    assert "\n" not in str(caught.value)


def test_of_any_two_groups_one_is_once_narrow_and_the_other_whole() -> None:
    for num_groups in (1, 2, 3, 7, 8):
        widths = _apart(num_groups, 0.25)
        assert len(widths) <= 3
        for one, other in itertools.combinations(range(num_groups), 2):
            assert any({each[one], each[other]} == {0.25, 1.0} for each in widths)
