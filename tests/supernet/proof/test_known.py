"""A proof is made once for the same code and structure."""

from pathlib import Path

import pytest
import torch
from torch import nn

from supernet.elastic.supernet import Supernet
from supernet.proof import known
from supernet.proof.known import proof_of
from supernet.proof.proving import Proof
from supernet.space import SearchSpace


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Supernet]:
    """The supernets that a proof was made of, with an empty cache."""
    found: list[Supernet] = []

    def prove(supernet: Supernet) -> Proof:
        found.append(supernet)
        return Proof(dtype="float64", num_configs=3, num_zeroed=2, num_groups=2)

    monkeypatch.setattr(known, "prove", prove)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return found


def supernet(
    activation: nn.Module | None = None, channels: int = 16, resolutions: tuple[int, ...] = (8,)
) -> Supernet:
    layers = nn.Conv2d(3, channels, 3), activation or nn.ReLU(), nn.Conv2d(channels, 8, 3)
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    return Supernet(model, torch.empty(1, 3, 8, 8), SearchSpace(resolutions=resolutions))


def test_a_proof_holds_for_other_weights(made: list[Supernet]) -> None:
    assert proof_of(supernet()) == proof_of(supernet())
    assert len(made) == 1


def test_it_does_not_hold_for_another_network_or_space(made: list[Supernet]) -> None:
    for each in (
        supernet(),
        supernet(nn.LeakyReLU(0.1)),
        supernet(nn.LeakyReLU(0.2)),
        supernet(channels=24),
        supernet(resolutions=(8, 7)),
    ):
        proof_of(each)
    assert len(made) == 5


def test_it_does_not_hold_for_other_code(
    made: list[Supernet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mutualnas_layer.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    file.write_text("from torch import nn\n\n\nclass Layer(nn.ReLU):\n    pass\n")
    import mutualnas_layer  # type: ignore[import-not-found]

    proof_of(supernet(mutualnas_layer.Layer()))
    proof_of(supernet(mutualnas_layer.Layer()))
    assert len(made) == 1
    file.write_text(file.read_text() + "    slope = 1\n")
    proof_of(supernet(mutualnas_layer.Layer()))
    assert len(made) == 2


def test_code_without_a_file_is_proven_each_time(made: list[Supernet]) -> None:
    kind = type("Layer", (nn.ReLU,), {"__module__": "__typed__"})
    for _ in range(2):
        proof_of(supernet(kind()))
    assert len(made) == 2


def test_a_damaged_cache_is_written_anew(made: list[Supernet], tmp_path: Path) -> None:
    proof_of(supernet())
    (file,) = (tmp_path / "mutualnas" / "proofs").iterdir()
    file.write_text("{")
    proof_of(supernet())
    proof_of(supernet())
    assert len(made) == 2


def test_a_cache_that_cannot_be_written_is_no_error(
    made: list[Supernet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert proof_of(supernet()).dtype == "float64"
