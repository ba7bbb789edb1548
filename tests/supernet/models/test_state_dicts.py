from typing import Any

import pytest
import torch

from supernet.models.state_dicts import TOP, StateDict, find_state_dicts, named

OWN = {"conv.weight", "fc.weight", "fc.bias"}


def state(prefix: str = "", names: Any = OWN) -> dict[str, Any]:
    return {f"{prefix}{name}": torch.ones(2, 2) for name in sorted(names)}


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (state(), [TOP]),
        (state("module."), ["module"]),
        (state("module._orig_mod."), ["module._orig_mod"]),
        ({"state_dict": state("net.")}, ["state_dict.net"]),
        ({"a": {"b": {"c": state()}}}, ["a.b.c"]),
        ({"model": state(), "ema": state()}, ["model", "ema"]),
        (state() | state("ema."), [TOP, "ema"]),
        (state() | state("module."), [TOP, "module"]),
        (state("model.") | state("model_ema."), ["model", "model_ema"]),
        (state("model.") | {"step": 3, 4: torch.ones(2)}, ["model"]),
        (state(names={"other"}), []),
        ([state()], []),
        (3, []),
    ],
)
def test_state_dicts_are_found_wherever_they_lie(content: Any, names: list[str]) -> None:
    found = find_state_dicts(content, OWN)
    assert [each.name for each in found] == names
    assert all(each.entries.keys() == OWN for each in found)


def test_the_same_tensors_count_once() -> None:
    shared = state()
    assert [each.name for each in find_state_dicts({"a": shared, "b": shared}, OWN)] == ["a"]


def test_names_of_wrapped_parts_are_the_networks() -> None:
    content = {"a.conv.weight": 1, "a._orig_mod.fc.weight": 2, "a.module.fc.bias": 3}
    tensors = {name: torch.full((2,), value) for name, value in content.items()}
    (found,) = find_state_dicts(tensors, {f"a.{name}" for name in OWN})
    assert {name: int(value[0]) for name, value in found.entries.items()} == {
        "a.conv.weight": 1, "a.fc.weight": 2, "a.fc.bias": 3
    }  # fmt: skip


def test_what_a_network_does_not_have_stays_an_entry_or_is_named() -> None:
    content = state("net.") | {"net.later.weight": torch.ones(2), "loss.weight": torch.ones(2)}
    (found,) = find_state_dicts(content, OWN)
    assert found.entries.keys() - OWN == {"later.weight"}
    assert found.unused == ("loss.weight",)


@pytest.mark.parametrize(
    ("name", "is_ema"),
    [
        ("ema", True), ("model_ema.module", True), ("state_dict_ema", True), ("ema_model", True),
        ("netEMA", True), ("modelEma", True), ("params_ema", True), ("state_dict.ema.net", True),
        ("model", False), ("schema", False), ("cinema.model", False), ("emanet", False),
        (TOP, False),
    ],
)  # fmt: skip
def test_averages_are_known_by_name(name: str, is_ema: bool) -> None:
    assert StateDict(name=name, entries={}, metadata=None).is_ema == is_ema


def test_a_dict_within_itself_is_looked_through_once_more_than_enough() -> None:
    content: dict[str, Any] = {"model": state()}
    content["self"] = content
    assert [each.name for each in find_state_dicts(content, OWN)] == ["model"]


def test_parts_of_a_network_that_look_alike_are_no_state_dicts_of_it() -> None:
    own = {"conv1.weight", "bn1.weight", "bn1.bias", *(f"layer{i}.conv1.weight" for i in range(9))}
    assert [each.name for each in find_state_dicts(state(names=own), own)] == [TOP]


def test_moving_averages_of_parameters_alone_are_no_part_of_what_lies_beside() -> None:
    own = {"conv.weight", *(f"bn.{name}" for name in ("weight", "bias", "mean", "var", "count"))}
    averages = state("ema.", {"conv.weight", "bn.weight", "bn.bias"})
    plain, average = find_state_dicts(state(names=own) | averages, own)
    assert (plain.name, average.name) == (TOP, "ema")
    assert plain.entries.keys() == own


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("model", ["model", "model.net"]),
        ("model.net", ["model.net"]),
        ("ema", ["ema.model"]),
        ("encoder", ["state.encoder.module"]),
        ("encoder.module", ["state.encoder.module"]),
        ("mod", []),
        (TOP, [TOP]),
        ("", [TOP]),
    ],
)
def test_a_key_names_state_dicts(key: str, names: list[str]) -> None:
    every = ["model", "model.net", "ema.model", "model_2", "state.encoder.module", TOP]
    found = named((StateDict(name=name, entries={}, metadata=None) for name in every), key)
    assert [each.name for each in found] == names
