"""Two gloo processes against one with the doubled batch, layer by layer."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn

from supernet.train.sync_batch_norm import SyncBatchNorm

LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3), (8, 3)),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(3), (8, 3, 5, 4)),
    "BatchNorm3d": (lambda: nn.BatchNorm3d(3, affine=False), (8, 3, 2, 3, 2)),
    "cumulative": (lambda: nn.BatchNorm2d(3, momentum=None), (8, 3, 5, 4)),
    "untracked": (lambda: nn.BatchNorm2d(3, track_running_stats=False), (8, 3, 5, 4)),
}


def computed(layer: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """What a training pass of the layer leaves: output, gradients and buffers."""
    generator = torch.Generator().manual_seed(1)
    factors = torch.randn(8, *x.shape[1:], generator=generator)
    rank = dist.get_rank() if dist.is_initialized() else 0
    x = x.clone().requires_grad_()
    y = layer(x)
    (y * factors[rank * len(x) :][: len(x)]).sum().backward()
    assert x.grad is not None
    gradients = {f"grad.{n}": p.grad for n, p in layer.named_parameters() if p.grad is not None}
    buffers = {name: buffer.clone() for name, buffer in layer.named_buffers()}
    return {"y": y.detach(), "x.grad": x.grad, **gradients, **buffers}


def images(shape: tuple[int, ...]) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 3 + 1


def member(rank: int, folder: Path) -> None:
    """One of two processes, each with half of the batch."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    found = {}
    for name, (make, shape) in LAYERS.items():
        layer = make()
        with SyncBatchNorm():
            found[name] = computed(layer, images(shape)[4 * rank : 4 * rank + 4])
        assert type(layer) is type(make())
        plain = layer(images(shape)[:4])  # outside of the mode the batch is this process's
        found[f"{name}, outside"] = {"y": plain.detach()}
    torch.save(found, folder / f"rank{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def halves(
    tmp_path_factory: pytest.TempPathFactory,
) -> list[dict[str, dict[str, Tensor]]]:
    folder = tmp_path_factory.mktemp("group")
    spawn(member, (folder,), nprocs=2)
    return [torch.load(folder / f"rank{rank}.pt") for rank in (0, 1)]


@pytest.mark.parametrize("name", LAYERS)
def test_two_processes_compute_what_one_does_with_the_whole_batch(
    name: str, halves: list[dict[str, dict[str, Tensor]]]
) -> None:
    make, shape = LAYERS[name]
    whole = computed(make(), images(shape))
    for key, expected in whole.items():
        parts = [half[name][key] for half in halves]
        if key in ("y", "x.grad"):
            found = [torch.cat(parts)]
        else:  # a parameter's gradient is a sum over images; buffers are the same everywhere
            found = [sum(parts, torch.tensor(0.0))] if key.startswith("grad.") else parts
        for tensor in found:
            torch.testing.assert_close(tensor, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_outside_the_mode_a_layer_normalises_its_own_batch(
    name: str, halves: list[dict[str, dict[str, Tensor]]]
) -> None:
    make, shape = LAYERS[name]
    expected = make()(images(shape)[:4])
    for half in halves:
        torch.testing.assert_close(half[f"{name}, outside"]["y"], expected)


def test_without_a_process_group_a_layer_is_an_ordinary_one() -> None:
    synchronised, plain = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    x = images((4, 3, 5, 5))
    with SyncBatchNorm():
        found = synchronised(x)
    assert torch.equal(found, plain(x))
    assert synchronised.running_mean is not None
    assert plain.running_mean is not None
    assert torch.equal(synchronised.running_mean, plain.running_mean)


def test_in_evaluation_the_running_statistics_count() -> None:
    layer = nn.BatchNorm2d(3).eval()
    x = images((4, 3, 5, 5))
    with SyncBatchNorm():
        found = layer(x)
    torch.testing.assert_close(found, x / (1 + layer.eps) ** 0.5)
