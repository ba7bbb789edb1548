"""What would be lost between a training and its use is refused before the first step."""

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from supernet.errors import CheckpointError, ModelError, SupernetError
from supernet.job.training_job import TrainingJob
from supernet.models.registry import OWN, build_model
from supernet.roundtrip import check_roundtrip
from supernet.space import SearchSpace

JOB = TrainingJob(model="odd", model_options={}, space=SearchSpace(resolutions=(12, 8)))


class Scale(nn.Module):
    """Multiplies by a weight, which is a parameter or what `hold` makes of it."""

    def __init__(self, weight: Any) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, x: Tensor) -> Any:
        return x * self.weight


class Forgets(Scale):
    def _save_to_state_dict(self, *_: Any) -> None:
        pass

    def _load_from_state_dict(self, *_: Any) -> None:
        pass


class Renames(Scale):
    def _save_to_state_dict(self, state: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        state[f"{prefix}scale"] = self.weight if keep_vars else self.weight.detach()


class Extra(Scale):
    """Its extra state does not load."""

    def get_extra_state(self) -> Any:
        return self.weight

    def set_extra_state(self, state: Any) -> None:
        pass


class Fails(Extra):
    def set_extra_state(self, state: Any) -> None:
        raise KeyError("no\nstate")


def build(middle: Callable[[], nn.Module]) -> Callable[[int], nn.Module]:
    def factory(num_classes: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, 8, 3), middle(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
        )

    return factory


def check(middle: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OWN, "odd", build(middle))
    model = build_model("odd", 3, seed=JOB.seed)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    state = random.getstate(), torch.get_rng_state()
    try:
        check_roundtrip(model, JOB, 3)
    finally:
        assert random.getstate() == state[0]
        assert torch.equal(torch.get_rng_state(), state[1])
        assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def refusal(
    middle: Callable[[], nn.Module], kind: type[SupernetError], monkeypatch: pytest.MonkeyPatch
) -> str:
    with pytest.raises(kind) as caught:
        check(middle, monkeypatch)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 200
    return str(caught.value)


def buffer(persistent: bool) -> nn.Module:
    layer = nn.Identity()
    layer.register_buffer("phase", torch.rand(8), persistent=persistent)
    return layer


CONSTANT = torch.full((8, 1, 1), 2.0)


def constant() -> nn.Module:
    layer = nn.BatchNorm2d(8)
    layer.register_buffer("scale", CONSTANT)
    return layer


@pytest.mark.parametrize(
    "middle",
    [
        lambda: nn.BatchNorm2d(8),
        lambda: Scale(nn.Parameter(torch.rand(8, 1, 1))),
        lambda: Scale(torch.rand(8, 1, 1)),  # the same with the same seed
        lambda: buffer(persistent=True),
        lambda: buffer(persistent=False),
        lambda: nn.Sequential(*[nn.ReLU()] * random.randrange(1, 9)),
        constant,
    ],
)
def test_what_is_stored_or_follows_from_the_seed_comes_back(
    middle: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        check(middle, monkeypatch)
    assert torch.equal(CONSTANT, torch.full((8, 1, 1), 2.0))


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Forgets, "but 1.weight does not"),
        (Renames, "Missing key(s)"),
        (Fails, "got: KeyError: 'no\\nstate'"),
    ],
)
def test_weights_that_do_not_load_as_they_are_saved_are_refused(
    layer: type[Scale], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert words in refusal(
        lambda: layer(nn.Parameter(torch.ones(1))), CheckpointError, monkeypatch
    )


def test_extra_state_that_does_not_load_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count(1)
    message = refusal(lambda: Extra(next(numbers)), CheckpointError, monkeypatch)
    assert "what get_extra_state returns does not" in message


def test_a_structure_that_changes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, layers = itertools.count(1), itertools.cycle([nn.ReLU, nn.GELU])
    message = refusal(lambda: nn.Conv2d(8, 8, next(sizes)), ModelError, monkeypatch)
    assert "1.weight is (8, 8, 1, 1) float32 and then (8, 8, 2, 2) float32" in message
    message = refusal(lambda: next(layers)(), ModelError, monkeypatch)
    assert "1 is ReLU and then GELU" in message


def test_what_is_neither_stored_nor_the_same_again_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    numbers, functions = itertools.count(1), itertools.cycle([torch.relu, torch.tanh])

    class Activation(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.function = next(functions)

        def forward(self, x: Tensor) -> Tensor:
            return self.function(x)

    message = refusal(lambda: Scale(next(numbers)), ModelError, monkeypatch)
    assert "but 1.weight differs" in message
    assert "but its output differs" in refusal(Activation, ModelError, monkeypatch)


def test_a_factory_that_returns_one_network_again_and_again_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = nn.Conv2d(8, 8, 1)
    assert "must return a new network" in refusal(lambda: layer, ModelError, monkeypatch)
