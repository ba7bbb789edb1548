from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import nn

from supernet.models.state_dicts import StateDict
from supernet.models.weights_fit import Fit, body_of, fit_of, heads_of, listed, shown


class Network(nn.Module):
    def __init__(self, num_classes: int = 4, *, head_first: bool = False) -> None:
        super().__init__()
        layers = [
            ("body", nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))),
            ("head", nn.Linear(8, num_classes)),
        ]
        for name, layer in reversed(layers) if head_first else layers:
            self.add_module(name, layer)


OWN: dict[str, Any] = Network().state_dict(keep_vars=True)
HEAD = {"head.weight", "head.bias"}


def test_the_head_is_the_last_layer() -> None:
    assert heads_of(OWN, None) == HEAD


def test_a_last_layer_without_outputs_of_its_own_is_no_head() -> None:
    assert heads_of(Network(head_first=True).state_dict(keep_vars=True), None) == set()


@pytest.mark.parametrize("num_classes", [2, 3, 4])
def test_heads_are_what_depends_on_the_number_of_classes(num_classes: int) -> None:
    network = Network(num_classes, head_first=True)
    build = lambda num_classes: Network(num_classes, head_first=True)  # noqa: E731
    assert heads_of(network.state_dict(keep_vars=True), build) == HEAD


@pytest.mark.parametrize(
    ("names", "heads", "body"),
    [
        (["net.a.w", "net.b.w", "head.w"], {"head.w"}, "net."),
        (["net.a.w", "net.a.v", "head.w"], {"head.w"}, "net.a."),
        (["net.a.w", "net.b.w", "net.head.w"], {"net.head.w"}, ""),
        (["a.w", "b.w", "head.w"], {"head.w"}, ""),
        (["net.w"], set(), ""),
        (["w"], {"w"}, ""),
    ],
)
def test_a_body_is_what_holds_all_but_the_heads(
    names: list[str], heads: set[str], body: str
) -> None:
    assert body_of(dict.fromkeys(names, torch.ones(1)), heads) == body


def fit(changes: Mapping[str, Any]) -> Fit:
    """How a state dict with these entries replaced, or left out where None, fits."""
    changed = {**Network().state_dict(), **changes}
    entries = {name: value for name, value in changed.items() if value is not None}
    state = StateDict(name="model", entries=entries, metadata=None)
    return fit_of(state, OWN, lambda: HEAD)


NO_HEAD: dict[str, Any] = dict.fromkeys(HEAD)
OTHER_HEAD = {**NO_HEAD, "fc.weight": torch.ones(9, 8), "fc.bias": torch.ones(9)}


@pytest.mark.parametrize(
    ("changes", "fresh", "extra"),
    [
        ({}, set(), set()),
        ({"body.1.num_batches_tracked": None}, set(), set()),
        ({"n_averaged": torch.tensor(3)}, set(), set()),
        ({"head.weight": torch.ones(9, 8), "head.bias": torch.ones(9)}, HEAD, set()),
        (NO_HEAD, HEAD, set()),
        (OTHER_HEAD, HEAD, {"fc.weight", "fc.bias"}),
        ({**OTHER_HEAD, "fc.weight": torch.ones(9, 8, 1, 1)}, HEAD, {"fc.weight", "fc.bias"}),
    ],
)
def test_only_heads_may_differ(changes: Any, fresh: set[str], extra: set[str]) -> None:
    found = fit(changes)
    assert found.problem is None
    assert (set(found.fresh), set(found.extra)) == (fresh, extra)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"body.0.weight": None}, "1 are missing (body.0.weight) and 0 are unexpected (none)"),
        ({"head.bias": None}, "1 are missing (head.bias)"),
        ({"body.1.running_var": None}, "1 are missing (body.1.running_var)"),
        ({"body.2.weight": torch.ones(8)}, "1 are unexpected (body.2.weight)"),
        ({**NO_HEAD, "body.2.weight": torch.ones(9, 8)}, "1 are unexpected (body.2.weight)"),
        ({**NO_HEAD, "later.weight": torch.ones(9, 8, 3, 3)}, "1 are unexpected (later.weight)"),
        ({**NO_HEAD, "later.weight": torch.ones(9, 7)}, "1 are unexpected (later.weight)"),
        ({**OTHER_HEAD, "fc2.weight": torch.ones(9, 8)}, "3 are unexpected"),
        ({"fc.weight": torch.ones(9, 8)}, "1 are unexpected (fc.weight)"),
        ({"body.0.weight": torch.ones(8, 3, 1, 1)}, "is (8, 3, 1, 1) and must be (8, 3, 3, 3)"),
        ({"body.0.weight": torch.ones(8, 3, 3, 3).int()}, "is int32 and must be float32"),
        ({"body.1.bias": torch.ones(8, dtype=torch.complex64)}, "is complex64 and must be float32"),
    ],
)
def test_anything_else_does_not_fit(changes: Any, problem: str) -> None:
    assert problem in str(fit(changes).problem)


def test_nothing_but_a_head_is_no_network() -> None:
    head = nn.Linear(8, 4).state_dict(keep_vars=True)
    state = StateDict(name="model", entries={}, metadata=None)
    assert fit_of(state, head, lambda: set(head)).problem is not None


def test_names_stay_on_one_line() -> None:
    assert listed(["a", "b\n", "c", "d"]) == r"a, b\n, c, ..."
    assert listed([]) == "none"
    assert shown("\u2028") == r"\u2028"
