import pytest
import torch
from torch import nn

from supernet.errors import ModelError
from supernet.models.registry import OWN, build_model, known_models


@pytest.mark.parametrize("name", ["mobilenet_v1", "wrn_16_2", "resnet18"])
def test_a_known_name_builds_a_network_with_these_classes(name: str) -> None:
    model = build_model(name, 7)
    assert next(reversed(list(model.parameters()))).shape[0] == 7


def test_names_are_ours_and_torchvisions() -> None:
    names = known_models()
    assert names == sorted(names)
    assert {"mobilenet_v1", "wrn_28_10", "resnet50", "efficientnet_b0"} <= set(names)


def test_a_users_own_factory_is_imported() -> None:
    model = build_model("torchvision.models:resnet18", 5)
    assert model.get_parameter("fc.bias").shape == (5,)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("resnet1", {}, "a model must be one of"),
        ("no.such.module:f", {}, "must be importable"),
        ("torchvision.models:nothing", {}, "must be importable"),
        ("builtins:dict", {}, "must return a torch.nn.Module"),
        ("mobilenet_v1", {"colour": "red"}, "does not take these options"),
        ("wide_resnet", {"depth": 11}, "depth = 6 n"),
    ],
)
def test_what_cannot_be_built_is_one_clear_line(
    name: str, options: dict[str, object], words: str
) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        build_model(name, 10, options)
    assert "\n" not in str(caught.value)


def test_what_a_users_factory_raises_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(num_classes: int) -> nn.Module:
        raise RuntimeError(f"no head for {num_classes} classes\nand more")

    monkeypatch.setitem(OWN, "broken", broken)
    with pytest.raises(
        ModelError, match="'broken' cannot be built: RuntimeError: no head for 10"
    ) as it:
        build_model("broken", 10)
    assert "\n" not in str(it.value)


def test_a_seed_makes_the_same_network_and_leaves_the_generators_alone() -> None:
    options = {"depth": 10, "widen": 1}
    torch.manual_seed(3)
    expected = build_model("wide_resnet", 10, options).state_dict()
    state = torch.get_rng_state()
    found = build_model("wide_resnet", 10, options, seed=3).state_dict()
    assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())
    assert torch.equal(torch.get_rng_state(), state)
