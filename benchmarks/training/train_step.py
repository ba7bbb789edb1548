"""Steps a second of mutual learning, ours against the usual way, loader included, CPU.

    python -m benchmarks.training.train_step

The usual way, as papers and their published code describe it: loader workers deliver every image
at all four resolutions, resized on the CPU in float; NCHW; float32; each of the four backward
passes is followed by a reduction of all gradients; the optimiser has a parameter group for each
tensor. Ours is the loop of `python -m supernet.train`, once in float32 and once with
`--set dtype=bfloat16`. All train the same configs of the same subnets on the same images, in blocks
that take turns, each in a process and a gloo group of its own; the usual way does not pay for
slicing inside layers, which makes the comparison kinder to it. Its process has oneDNN's own
settings, ours those of the package supernet.
Writes results/training/train_step.json.
"""

import argparse
import json
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import cycle
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from supernet import (
    Execution,
    Hyperparameters,
    SearchSpace,
    Supernet,
    TrainingJob,
    load_data,
    sandwich,
)
from supernet.data.dataset import Data
from supernet.job.recipe import RECIPES
from supernet.models import build_model
from supernet.train.loop import Loop
from supernet.train.process_group import ProcessGroup

RESULT = result_file(__file__)
MODELS = ("mobilenet_v1", "mobilenet_v2")
RESOLUTIONS = (64, 56, 48, 40)
WAYS = ("ours_float32", "ours_bfloat16", "usual")
BATCH_SIZE = 64
NUM_WORKERS = 2
IN_FLIGHT = 2 * NUM_WORKERS  # batches that workers have ready when a block begins
CACHE = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
ONEDNN_DEFAULT, OURS = "1024", os.environ[CACHE]


def make_supernet(job: TrainingJob, data: Data) -> Supernet:
    """The same weights for both."""
    torch.manual_seed(job.seed)
    model = build_model(job.model, len(data.classes), job.model_options)
    side = job.space.resolutions[0]
    return Supernet(model, torch.empty(1, 3, side, side), job.space).train()


class FourTimes(Dataset[Any]):
    """Training images as PIL has them, each at all resolutions as normalised floats."""

    def __init__(self, data: Data) -> None:
        pairs = list(data.batches("calibration", batch_size=500))
        pixels = torch.cat([images for images, _ in pairs])
        self.images = [v2.functional.to_pil_image(image) for image in pixels]
        self.labels = torch.cat([labels for _, labels in pairs])
        self.augment = v2.Compose(
            [
                v2.RandomCrop(RESOLUTIONS[0], padding=4),
                v2.RandomHorizontalFlip(),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(data.mean, data.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[list[Tensor], int]:
        image = self.augment(self.images[index])
        sides = [v2.functional.resize(image, [side, side]) for side in RESOLUTIONS]
        return sides, int(self.labels[index])


def usual_way(job: TrainingJob, data: Data) -> Callable[[], float]:
    """A function that does one step and returns its first loss."""
    supernet, hyper = make_supernet(job, data), job.hyperparameters
    loader = DataLoader(
        FourTimes(data),
        BATCH_SIZE,
        shuffle=True,
        drop_last=True,
        num_workers=NUM_WORKERS,
        persistent_workers=True,
    )
    batches = _forever(loader)
    groups = [
        {"params": [p], "weight_decay": hyper.weight_decay if p.dim() > 1 else 0.0}
        for p in supernet.parameters()
    ]
    optimizer = torch.optim.SGD(groups, lr=hyper.lr, momentum=0.9, nesterov=True)
    numbers = cycle(range(10**9))

    def one_step() -> float:
        images, labels = next(batches)
        at = dict(zip(RESOLUTIONS, images, strict=True))
        configs = sandwich(supernet.space, job.recipe, random.Random(f"{job.seed} {next(numbers)}"))
        optimizer.zero_grad()
        teacher = torch.empty(0)
        first = 0.0
        for index, config in enumerate(configs):
            logits = supernet(at[config.resolution], config)
            if index == 0:
                loss = F.cross_entropy(logits, labels)
                teacher, first = logits.detach().softmax(1), loss.item()
            else:
                loss = F.kl_div(logits.log_softmax(1), teacher, reduction="batchmean")
            loss.backward()
            gradients = [p.grad for p in supernet.parameters() if p.grad is not None]
            flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
            dist.all_reduce(flat)
            pieces = flat.split([gradient.numel() for gradient in gradients])
            for gradient, piece in zip(gradients, pieces, strict=True):
                gradient.copy_(piece.view_as(gradient))
        optimizer.step()
        return first

    return one_step


def our_way(job: TrainingJob, data: Data, run: Path) -> Callable[[], float]:
    """A function that does one step of the real loop."""
    supernet = make_supernet(job, data).to(memory_format=torch.channels_last)
    execution = Execution(evaluate_every=0)
    loop = Loop(supernet, data, job, run, execution, ProcessGroup(), supernet)
    loop.metrics.begin(0)
    batches = _epochs(loop)

    def one_step() -> float:
        images, labels = next(batches)
        return loop.one_step(images, labels, stop=False).losses[0]

    return one_step


def _epochs(loop: Loop) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield from loop.batches()


def _forever(batches: Any) -> Iterator[Any]:
    while True:
        yield from batches


def seconds(one_step: Callable[[], float], num_steps: int) -> float:
    """Seconds a step, after the batches that were made while another way ran."""
    for _ in range(IN_FLIGHT):
        one_step()
    start = time.perf_counter()
    for _ in range(num_steps):
        one_step()
    return (time.perf_counter() - start) / num_steps


def serve(way: str, model: str, connection: Connection) -> None:
    """A process of its own: for each number of steps that comes, send the seconds a step."""
    dtype = "float32" if way == "usual" else way.removeprefix("ours_")
    job = TrainingJob(
        model=model,
        model_options={},
        recipe=RECIPES["mutual"],
        hyperparameters=Hyperparameters(batch_size=BATCH_SIZE, dtype=dtype),
        space=SearchSpace(resolutions=RESOLUTIONS),
        epochs=100,
    )
    data = load_data("fashion-mnist-mini", resolution=RESOLUTIONS[0])
    dist.init_process_group("gloo", rank=0, world_size=1)
    with tempfile.TemporaryDirectory() as folder:
        one_step = usual_way(job, data) if way == "usual" else our_way(job, data, Path(folder))
        while num_steps := connection.recv():
            connection.send(seconds(one_step, num_steps))
    dist.destroy_process_group()


class Way:
    """The process of one way; within `with`."""

    def __init__(self, way: str, model: str, port: int) -> None:
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        os.environ[CACHE] = ONEDNN_DEFAULT if way == "usual" else OURS
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(way, model, theirs))

    def __enter__(self) -> "Way":
        self.process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.send(0)
        self.process.join()

    def seconds(self, num_steps: int) -> float:
        """Seconds a step, of that many."""
        self.connection.send(num_steps)
        found: float = self.connection.recv()
        return found


def compare(model: str, *, num_blocks: int, num_steps: int) -> dict[str, Any]:
    """All ways in turn."""
    blocks: dict[str, list[float]] = {way: [] for way in WAYS}
    with ExitStack() as stack:
        ways = {
            way: stack.enter_context(Way(way, model, 29641 + number))
            for number, way in enumerate(WAYS)
        }
        for block in range(1 + num_blocks):  # the first one warms up
            found = {name: way.seconds(num_steps) for name, way in ways.items()}
            for name, value in found.items() if block else ():
                blocks[name].append(value)
            print(f"{model} block {block}: {found}", flush=True)
    medians = {name: statistics.median(values) for name, values in blocks.items()}
    ratios = {
        way: [u / o for u, o in zip(blocks["usual"], blocks[way], strict=True)]
        for way in WAYS
        if way != "usual"
    }
    return {
        "num_blocks": num_blocks,
        "steps_a_block": num_steps,
        "step_s": {name: round(value, 4) for name, value in medians.items()},
        "images_per_s": {name: round(BATCH_SIZE / value, 1) for name, value in medians.items()},
        "speedup": {way: round(statistics.median(each), 2) for way, each in ratios.items()},
        "speedup_of_blocks": {way: [round(r, 2) for r in each] for way, each in ratios.items()},
    }


def main() -> None:
    """Compare, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-blocks", type=int, default=4)
    parser.add_argument("--num-steps", type=int, default=10)
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    result = {
        "batch_size": BATCH_SIZE,
        "resolutions": RESOLUTIONS,
        "usual_num_workers": NUM_WORKERS,
        **{
            model: compare(model, num_blocks=args.num_blocks, num_steps=args.num_steps)
            for model in MODELS
        },
        "environment": environment(),
    }
    args.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
