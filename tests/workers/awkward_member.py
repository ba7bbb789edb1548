"""Train each awkward network and compare it with a plain loop: `awkward_member.py FOLDER DTYPE`.

One process, or one of several under torchrun. The first writes FOLDER/DTYPE.json: for each network
"right", "refused: ...", or what is wrong. For tests/supernet/train/test_awkward.py.
"""

import json
import math
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from supernet.data.dataset import Data
from supernet.data.sources import load_embedded
from supernet.errors import SupernetError
from supernet.job.execution import Execution
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.recipe import RECIPES
from supernet.job.training_job import TrainingJob
from supernet.space import SearchSpace
from supernet.train.training import train
from tests.workers import awkward_networks

SIDE, BATCH_SIZE, NUM_CLASSES = 16, 80, 10
STATISTICS = ("running_mean", "running_var", "num_batches_tracked", "mean", "square")
TOLERANCE = {"float32": 3e-3, "bfloat16": 0.05}
"""Largest difference, relative to how far all weights moved: the same sums in another order."""


def reference(model: nn.Module, batches: list[Any], data: Data, dtype: str, size: int) -> nn.Module:
    """Plain training of the network as `size` processes do it, each on its part of each batch."""
    optimizer = torch.optim.SGD(
        [p for p in model.parameters() if p.requires_grad], lr=0.02, momentum=0.9, nesterov=True
    )
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (data.mean, data.std))
    model.train()
    for step, (images, labels) in enumerate(batches):
        optimizer.zero_grad()
        seed = random.Random(f"0 {step}").getrandbits(62)
        for rank, (x, y) in enumerate(zip(images.chunk(size), labels.chunk(size), strict=True)):
            torch.manual_seed(seed + rank)
            random.seed(seed + rank)
            np.random.seed((seed + rank) % 2**32)
            with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
                output = model(((x / 255 - mean) / std).to(next(model.parameters()).dtype))
            (F.cross_entropy(logits(output), y) / size).backward()
        optimizer.param_groups[0]["lr"] = 0.02 * 0.5 * (1 + math.cos(math.pi * step / len(batches)))
        optimizer.step()
    return model


def logits(output: Any) -> Tensor:
    """The first output that is as wide as there are classes, at least in float32."""
    found: Tensor = next(leaf for leaf in tree_leaves(output) if leaf.shape[-1] == NUM_CLASSES)
    return found.to(torch.promote_types(found.dtype, torch.float32))


def verdict(name: str, data: Data, folder: Path, dtype: str, size: int) -> str:
    """What became of one network; all processes come to the same."""
    job = TrainingJob(
        model=f"tests.workers.awkward_networks:{name}",
        model_options={},
        recipe=RECIPES["independent"],
        hyperparameters=Hyperparameters(
            batch_size=BATCH_SIZE, lr=0.02, warmup_fraction=0, weight_decay=0, augment="none",
            dtype=dtype,
        ),
        space=SearchSpace(resolutions=(SIDE,)),
        epochs=1,
    )  # fmt: skip
    try:
        trained = train(
            job, folder / f"{dtype}-{name}", Execution(device="cpu", evaluate_every=0), data=data
        ).model
    except SupernetError as error:
        return f"refused: {error}"
    batches = list(data.train_batches(batch_size=BATCH_SIZE, epoch=0, seed=0, augment="none"))
    plain, first = built(name), dict(tensors_of(built(name)))
    expected = dict(tensors_of(reference(plain, batches, data, dtype, size)))
    nudged = built(name, nudge=1e-7)
    other = dict(tensors_of(reference(nudged, batches, data, dtype, size)))
    moved = distance(expected, first)
    # ReLU's kinks make a training chaotic: as far as another rounding of the first weights takes
    # it, so far may another order of sums.
    allowed = max(TOLERANCE[dtype], min(0.05, 5 * distance(expected, other) / moved))
    difference = distance(expected, dict(tensors_of(trained)))
    if not difference <= allowed * moved:
        return f"WRONG: differs by {difference:.2g} after moving by {moved:.2g}"
    for key, parameter in plain.named_parameters():
        if not parameter.requires_grad and not torch.equal(first[key], trained.get_parameter(key)):
            return f"WRONG: {key} is frozen and moved"
    # With the trained tensors, the network that was built first computes what the loaded one does.
    plain.load_state_dict(trained.state_dict())
    images = torch.randn(2, 3, SIDE, SIDE, dtype=next(plain.parameters()).dtype)
    mine, theirs = (logits(network.eval()(images)) for network in (plain, trained))
    if not torch.allclose(mine, theirs, rtol=1e-3, atol=1e-3):
        return "WRONG: the loaded network computes something else"
    return "right"


def built(name: str, nudge: float = 0.0) -> nn.Module:
    """The network with its first weights, each multiplied by about 1 +- `nudge`."""
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    model: nn.Module = awkward_networks.NETWORKS[name](NUM_CLASSES)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.mul_(1 + nudge * torch.randn_like(parameter))
    return model


def distance(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The norm of all differences together."""
    total = sum(float((one[key].double() - other[key].double()).square().sum()) for key in one)
    return math.sqrt(total)


def tensors_of(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers, but statistics of activations, which belong to each subnet."""
    for name, parameter in model.named_parameters():
        yield name, parameter.detach()
    for name, buffer in model.named_buffers():
        if name.rpartition(".")[2] not in STATISTICS:
            yield name, buffer


def main() -> None:
    """Judge all networks."""
    folder, dtype = Path(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(1)
    size, rank = (int(os.environ.get(n, d)) for n, d in (("WORLD_SIZE", "1"), ("RANK", "0")))
    whole = load_embedded()
    official = {split: part[::12] for split, part in whole.official.items()}
    data = Data(replace(whole, official=official), resolution=SIDE, seed=0)
    found = {}
    for name in awkward_networks.NETWORKS:
        try:
            found[name] = verdict(name, data, folder, dtype, size)
        except Exception as error:  # what the test is about: a traceback is neither
            found[name] = f"CRASHED: {type(error).__name__}: {str(error)[:200]}"
    if rank == 0:
        (folder / f"{dtype}.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
