"""Record a whole search space: every distinct config of a trained supernet, with its numbers.

    python -m supernet.train --data torchvision:FashionMNIST --model wide_resnet \
        --model-args depth=10 widen=2 stem_stride=2 --batch-size 128 --epochs 2 --out runs/wide2
    python -m benchmarks.search.record_space runs/wide2 accuracy
    python -m benchmarks.search.record_space runs/wide2 latency      (on an idle machine)
    python -m benchmarks.search.record_space runs/wide2 join --name fashion

Three stages of a WideResNet-10-2, in multiples of DIVISOR channels, have 8 x 13 x 25 widths (the
first one's with the stem's); with 4 widths of the first stage and 4 resolutions these are 5,200
configs. For each: which of the first MAX_IMAGES selection images it gets right (as bits, so that a
search that looks at some of them only can be replayed too), MACs, and the latency in ONNX Runtime
on one thread, timed interleaved with others drawn at random. Accuracy takes a quarter of an hour of
one core, latency two minutes; both go on where they were stopped. The other record is of a network
half as wide (widen=1, 4 x 7 x 13 widths, 1,456 configs) and other images:

    python -m supernet.train --data CIFAR10-FOLDER --resolutions 32 28 24 20 --model wide_resnet \
        --model-args depth=10 widen=1 stem_stride=2 --width-range 0.25 1 --batch-size 128 \
        --epochs 4 --out runs/cifar

Writes results/search/record_space_NAME.npz, which efficiency.py replays.
"""

import argparse
import gc
import io
import itertools
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor, nn
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.search.recorded import RECORDS
from nas.cost.macs import count_macs
from nas.evaluate.trained import Trained, load_trained
from nas.meter.rounds import Runnable
from nas.meter.statistics import median, median_interval
from nas.runtimes import load_runtime
from planner.atomic import write_atomically
from supernet import SubnetConfig, Supernet
from supernet.evaluate.accuracy import Images
from supernet.evaluate.calibration import calibrate_bn
from supernet.models import WideResNet

DIVISOR = 4
"""Of channels. Training rounded to multiples of 8; half of that makes the space large enough."""
NUM_FIRST = 4
"""Of the first stage's widths so many are recorded, evenly spaced."""
MAX_IMAGES = 6000
"""Of `selection`, the first of them."""
SIDE_BY_SIDE = 95
"""Configs that are timed in one interleaved measurement."""
NUM_ROUNDS, RUNS_PER_VISIT = 11, 5
"""Of the timing."""


def load_space(run: Path) -> tuple[Trained, Supernet]:
    """What was trained, and the supernet with the finer widths that are recorded."""
    trained = load_trained(run)
    space = replace(trained.supernet.space, divisor=DIVISOR)
    side = space.resolutions[0]
    return trained, Supernet(trained.supernet.model.eval(), torch.empty(1, 3, side, side), space)


def distinct_configs(supernet: Supernet) -> list[SubnetConfig]:
    """One config for each choice of channel counts and resolution, in a fixed order."""
    space = supernet.space
    low = space.narrowest
    steps = [round(low + (1 - low) * i / 192, 4) for i in range(193)]
    choices = []
    for group in range(space.num_groups):
        by_channels: dict[Any, float] = {}
        for width in reversed(steps):
            widths = tuple(width if g == group else 1.0 for g in range(space.num_groups))
            config = SubnetConfig(width_mults=widths, resolution=space.resolutions[0])
            by_channels.setdefault(supernet.kept_counts(config), width)
        stride = max(1, len(by_channels) // NUM_FIRST) if group == 0 else 1
        choices.append(list(by_channels.values())[::stride])
    return [
        SubnetConfig(width_mults=widths, resolution=resolution)
        for resolution in space.resolutions
        for widths in itertools.product(*choices)
    ]


def record_accuracy(run: Path, part: Path) -> None:
    """For each config the bits of right answers and its MACs; one file a number of configs."""
    trained, supernet = load_space(run)
    images = Images(trained.data, torch.device("cpu"))
    groups = itertools.groupby(
        distinct_configs(supernet), lambda c: (c.resolution, supernet.kept_counts(c)[0:3])
    )
    for number, (_, configs) in enumerate(tqdm([(k, [*g]) for k, g in groups], "accuracy")):
        path = part / f"accuracy-{number:03}.npz"
        if path.exists():
            continue
        bits, macs = [], []
        for config, network, right in right_answers(supernet, configs, images):
            bits.append(numpy.packbits(right.numpy()))
            macs.append(count_macs(network, config.resolution))
        write(path, bits=numpy.stack(bits), macs=numpy.array(macs))


@torch.inference_mode()
def right_answers(
    supernet: Supernet, configs: Sequence[SubnetConfig], images: Images
) -> Iterator[tuple[SubnetConfig, nn.Module, Tensor]]:
    """Each config, its network, and which of the first MAX_IMAGES its calibrated one gets right.

    Configs that differ in the last width only are to follow each other, the widest first: what does
    not depend on that width, up to the first half of the last block, is computed once for all.
    """
    for _, alike in itertools.groupby(configs, lambda config: supernet.kept_counts(config)[:-2]):
        features: dict[str, list[Tensor]] = {}
        for config in alike:
            network = supernet.extract(config)
            assert isinstance(network, WideResNet)
            network.to(memory_format=torch.channels_last)
            features = features or _features(_Head(network), config.resolution, images)
            tail = _Tail(network).eval()
            calibrate_bn(tail, features["calibration"])
            logits = torch.cat([tail(x) for x in features["selection"]])
            yield config, network, logits.argmax(dim=1) == _labels(images, config.resolution)


class _Head(nn.Module):
    """A WideResNet to the middle of its last block: each channel for itself, and the shortcut's."""

    def __init__(self, network: WideResNet) -> None:
        super().__init__()
        self.first = nn.Sequential(network.stem, *network.blocks[:-1])
        self.last: Any = network.blocks[-1]

    def forward(self, x: Tensor) -> Tensor:
        x = self.last.norm1(self.first(x)).relu()
        middle = self.last.norm2(self.last.conv1(x)).relu()
        return torch.cat([middle, self.last.shortcut(x)], dim=1)


class _Tail(nn.Module):
    """The rest of a WideResNet; its channels are the first of a wider one's."""

    def __init__(self, network: WideResNet) -> None:
        super().__init__()
        self.conv: Any = network.blocks[-1].conv2
        self.norm, self.classifier = network.norm, network.classifier

    def forward(self, x: Tensor) -> Tensor:
        middle, shortcut = x.chunk(2, dim=1)
        width = self.conv.in_channels
        x = self.conv(middle[:, :width]) + shortcut[:, :width]
        logits: Tensor = self.classifier(self.norm(x).relu().mean(dim=(2, 3)))
        return logits


def _features(head: nn.Module, resolution: int, images: Images) -> dict[str, list[Tensor]]:
    """What leaves `head`: in calibration, normalised by each batch's own statistics."""
    batches = [x for x, _ in images.batches("calibration", resolution)]
    in_calibration = [head.train()(x) for x in batches]
    calibrate_bn(head, batches)
    selection = [head.eval()(x) for x, _ in _selection(images, resolution)]
    return {"calibration": in_calibration, "selection": selection}


def _selection(images: Images, resolution: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The first MAX_IMAGES of `selection`."""
    num_left = MAX_IMAGES
    for pixels, labels in images.batches("selection", resolution):
        yield pixels[:num_left], labels[:num_left]
        num_left -= len(pixels)
        if num_left <= 0:
            return


def _labels(images: Images, resolution: int) -> Tensor:
    return torch.cat([labels for _, labels in _selection(images, resolution)])


def record_latency(run: Path, part: Path) -> None:
    """The median latency of each config in milliseconds, with its interval; one file a hundred.

    BN statistics are left as they are: they don't change how long a network takes. The full network
    is timed with every hundred: what it says of the machine is kept too.
    """
    trained, supernet = load_space(run)
    images = Images(trained.data, torch.device("cpu"))
    runtime = load_runtime("onnxruntime", device="cpu", num_threads=1)
    configs = distinct_configs(supernet)
    rng = random.Random(0)
    order = list(range(len(configs)))
    rng.shuffle(order)

    def compiled(config: SubnetConfig) -> Runnable:
        pixels, _ = next(images.batches("calibration", config.resolution))
        return runtime.compile(supernet.extract(config).eval(), pixels[:1])

    full = compiled(supernet.space.largest)
    chunks = [order[i : i + SIDE_BY_SIDE] for i in range(0, len(order), SIDE_BY_SIDE)]
    for number, chunk in enumerate(tqdm(chunks, "latency")):
        path = part / f"latency-{number:03}.npz"
        if path.exists():
            continue
        rows = time_rounds([full, *(compiled(configs[index]) for index in chunk)], rng)
        write(path, index=numpy.array(chunk), rounds_ms=rows[1:], full_ms=rows[0])


def write(path: Path, **arrays: numpy.ndarray[Any, Any]) -> None:
    """A part of the record, whole or not at all."""
    content = io.BytesIO()
    numpy.savez_compressed(content, allow_pickle=False, **arrays)
    write_atomically(path, content.getvalue())


def time_rounds(networks: Sequence[Runnable], rng: random.Random) -> numpy.ndarray[Any, Any]:
    """(networks, NUM_ROUNDS): each network's median of a round in milliseconds.

    As in `nas.meter.latency`, with fewer runs a visit: ten thousand networks take minutes, not
    an hour.
    """
    rounds = numpy.empty((len(networks), NUM_ROUNDS))
    for network in networks:
        network.run()
    gc.disable()
    for number in range(NUM_ROUNDS):
        for index in rng.sample(range(len(networks)), len(networks)):
            networks[index].run()  # brings its weights back into the caches
            times = []
            for _ in range(RUNS_PER_VISIT):
                start = time.perf_counter()
                networks[index].run()
                times.append(time.perf_counter() - start)
            rounds[index, number] = 1e3 * median(times)
    gc.enable()
    return rounds


def join(run: Path, part: Path, result: Path) -> None:
    """Put the parts together into `result`."""
    trained, supernet = load_space(run)
    configs = distinct_configs(supernet)
    accuracy = [numpy.load(path) for path in sorted(part.glob("accuracy-*.npz"))]
    rounds = numpy.full((len(configs), NUM_ROUNDS), numpy.nan)
    full = []
    for path in sorted(part.glob("latency-*.npz")):
        timed = numpy.load(path)
        rounds[timed["index"]] = timed["rounds_ms"]
        full.append(float(numpy.median(timed["full_ms"])))
    latency = numpy.array([(median([*r]), *median_interval([*r])) for r in rounds])
    missing = numpy.isnan(latency[:, 0]).sum(), len(configs) - sum(len(a["macs"]) for a in accuracy)
    if any(missing):
        raise SystemExit(f"latency of {missing[0]} configs and accuracy of {missing[1]} is missing")
    about = {
        "job": trained.document["job"] | {"data_root": None},
        "weights_sha256": trained.document["weights_sha256"],
        "num_classes": len(trained.data.classes),
        "space": supernet.space.to_json(),
        "num_images": min(MAX_IMAGES, trained.data.num_images["selection"]),
        "runtime": "onnxruntime, one thread",
        "full_network_ms": full,
        "environment": environment(),
    }
    numpy.savez_compressed(
        result,
        channels=numpy.array([supernet.kept_counts(c) for c in configs], dtype="int16"),
        resolution=numpy.array([c.resolution for c in configs], dtype="int16"),
        bits=numpy.concatenate([each["bits"] for each in accuracy]),
        macs=numpy.concatenate([each["macs"] for each in accuracy]),
        latency_ms=latency.astype("float32"),
        about=json.dumps(about),
    )
    print(f"written: {result}, {result.stat().st_size / 2**20:.2f} MiB, {len(configs)} configs")


def main() -> None:
    """Record what is asked for; join when all is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("what", choices=("accuracy", "latency", "join"))
    parser.add_argument("--name", choices=RECORDS, help="of the record that `join` writes")
    args = parser.parse_args()
    part = args.run / "recorded"
    part.mkdir(exist_ok=True)
    if args.what == "accuracy":
        record_accuracy(args.run, part)
    elif args.what == "latency":
        record_latency(args.run, part)
    elif args.name:
        join(args.run, part, RECORDS[args.name])
    else:
        parser.error("--name must be given to join")


if __name__ == "__main__":
    main()
