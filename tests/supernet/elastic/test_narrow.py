import torch
from torch import Tensor, nn

from supernet.elastic.narrow import narrow


def test_it_computes_with_the_tensors_it_is_given_and_notes_their_sizes() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 1, bias=False), nn.Conv2d(8, 8, 3, groups=8), nn.BatchNorm2d(8)
    ).eval()
    tensors = {
        "0.weight": torch.ones(4, 3, 1, 1),
        "1.weight": torch.ones(4, 1, 3, 3),
        **{"1.bias": torch.zeros(4), "2.weight": torch.ones(4), "2.bias": torch.zeros(4)},
        **{"2.running_mean": torch.zeros(4), "2.running_var": torch.ones(4)},
    }
    small = narrow(model, tensors, {"1.weight"})
    first, second, norm = map(vars, small.children())
    assert (first["in_channels"], first["out_channels"]) == (3, 4)
    assert [second[size] for size in ("in_channels", "out_channels", "groups")] == [4, 4, 4]
    assert norm["num_features"] == 4
    out = small(torch.ones(1, 3, 3, 3))
    torch.testing.assert_close(out, torch.full((1, 4, 1, 1), 27.0), rtol=1e-4, atol=0)


def test_the_full_network_stays_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(4, 3))
    small = narrow(model, {"0.weight": torch.ones(2, 4), "0.bias": torch.zeros(2)})
    assert small(torch.ones(1, 4)).shape == (1, 2)
    assert model(torch.ones(1, 4)).shape == (1, 3)
    small.eval()
    assert model.training


def test_a_module_used_twice_stays_one() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.second = self.first

        def forward(self, x: Tensor) -> Tensor:
            return self.second(self.first(x))  # type: ignore[no-any-return]

    small = narrow(Twice(), {"first.weight": torch.eye(4) * 2, "first.bias": torch.zeros(4)})
    assert small.first is small.second
    assert torch.equal(small(torch.ones(1, 4)), torch.full((1, 4), 4.0))


class Caching(nn.Module):
    """Keeps what it computes of its parameter in eval mode, as timm's attention biases."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 16), nn.Linear(16, 4)
        self.cache: dict[str, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        if "doubled" not in self.cache:
            self.cache["doubled"] = self.first.weight * 2
        out: Tensor = self.second(x @ self.cache["doubled"].T)
        return out


class Forgetting(Caching):
    """As LeViT: training changes the weights, so it empties the cache."""

    def train(self, mode: bool = True) -> "Forgetting":
        super().train(mode)
        self.cache = {}
        return self


def test_what_the_full_network_has_cached_no_narrow_one_finds() -> None:
    model = Forgetting().eval()
    x = torch.randn(2, 8)
    full = model(x)
    model.second.train()
    narrowed = narrow(model, dict(model.named_parameters()))
    model.first.weight.data *= 2
    torch.testing.assert_close(narrowed(x), 2 * (full - model.second.bias) + model.second.bias)
    assert [m.training for m in narrowed.modules()] == [False, False, True]
    assert model.cache


def test_what_one_narrow_network_caches_no_other_finds() -> None:
    model = Caching().eval()
    x = torch.randn(2, 8)
    for size in (8, 4):
        weights = model.first.weight[:size], model.second.weight[:, :size]
        tensors = {"first.weight": weights[0], "second.weight": weights[1]}
        narrowed = narrow(model, {**dict(model.named_parameters()), **tensors})
        expected = x @ (weights[0] * 2).T @ weights[1].T + model.second.bias
        torch.testing.assert_close(narrowed(x), expected)
    assert model.cache == {}
