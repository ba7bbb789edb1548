"""Record a whole search space: every distinct config of a trained supernet, with its numbers.

    python -m supernet.train --model wide_resnet --model-args depth=10 widen=3 stem_stride=2 \
        --resolutions 28 26 24 22 20 18 16 --groups stage --out runs/wide3
    python -m benchmarks.record_space runs/wide3 accuracy
    python -m benchmarks.record_space runs/wide3 latency      (on an idle machine)

Three groups of a WideResNet-10-3 round to 5 x 10 x 19 channel counts; with 7 resolutions these are
6,650 configs. For each: which of the 2,000 selection images it gets right (as bits, so that a
search that looks at some of them only can be replayed too), MACs, and the latency in ONNX Runtime
on one thread, timed interleaved with 94 others drawn at random. Both go on where they were
stopped. Writes benchmarks/recorded_space.npz, which benchmarks.search_efficiency replays.
"""

import argparse
import itertools
import json
import random
from pathlib import Path
from typing import Any

import numpy
import torch
from tqdm import tqdm

from benchmarks.environment import environment
from nas.bench import Bench
from nas.cost import count_macs
from nas.runtimes import load_runtime
from nas.trained import load_trained
from supernet import SubnetConfig, Supernet
from supernet.evaluate import Images, calibrated_subnet

RESULT = Path(__file__).with_name("recorded_space.npz")
SIDE_BY_SIDE = 95
"""Configs that are timed in one interleaved measurement."""
CONFIG_S = 0.04
"""Seconds of timing for each config."""


def distinct_configs(supernet: Supernet) -> list[SubnetConfig]:
    """One config for each choice of channel counts and resolution, in a fixed order."""
    space = supernet.space
    low = space.width_range[0]
    steps = [round(low + (1 - low) * i / 192, 4) for i in range(193)]
    choices = []
    for group in range(space.num_groups):
        by_channels: dict[Any, float] = {}
        for width in reversed(steps):
            widths = tuple(width if g == group else 1.0 for g in range(space.num_groups))
            config = SubnetConfig(width_mults=widths, resolution=space.resolutions[0])
            by_channels.setdefault(supernet.kept_counts(config), width)
        choices.append(list(by_channels.values()))
    return [
        SubnetConfig(width_mults=widths, resolution=resolution)
        for resolution in space.resolutions
        for widths in itertools.product(*choices)
    ]


@torch.inference_mode()
def record_accuracy(run: Path, part: Path) -> None:
    """For each config the bits of right answers and its MACs; one file a resolution."""
    trained = load_trained(run)
    images = Images(trained.data, torch.device("cpu"))
    configs = distinct_configs(trained.supernet)
    for resolution in trained.supernet.space.resolutions:
        path = part / f"accuracy-{resolution}.npz"
        if path.exists():
            continue
        bits, macs = [], []
        for config in tqdm([c for c in configs if c.resolution == resolution], f"r{resolution}"):
            network = calibrated_subnet(trained.supernet, config, images)
            right = [
                network(pixels).argmax(dim=1) == labels
                for pixels, labels in images.batches("selection", resolution)
            ]
            bits.append(numpy.packbits(torch.cat(right).numpy()))
            macs.append(count_macs(network, resolution))
        numpy.savez_compressed(path, bits=numpy.stack(bits), macs=numpy.array(macs))


def record_latency(run: Path, part: Path) -> None:
    """The median latency of each config in milliseconds, with its interval; one file a hundred."""
    trained = load_trained(run)
    images = Images(trained.data, torch.device("cpu"))
    runtime = load_runtime("onnxruntime", device="cpu", num_threads=1)
    bench = Bench(trained.supernet, images, runtime, batch_size=1, seed=0)
    configs = distinct_configs(trained.supernet)
    order = list(range(len(configs)))
    random.Random(0).shuffle(order)
    chunks = [order[i : i + SIDE_BY_SIDE] for i in range(0, len(order), SIDE_BY_SIDE)]
    for number, chunk in enumerate(tqdm(chunks, "latency")):
        path = part / f"latency-{number:03}.npz"
        if path.exists():
            continue
        networks = [bench.compile(configs[index]) for index in chunk]
        timed = bench.measure(networks, max_s=CONFIG_S * len(chunk), allow_noisy=False)
        rows = [(t.p50_ms, t.p50_low_ms, t.p50_high_ms) for t in timed.latencies]
        numpy.savez(path, index=chunk, latency=rows, noise_floor=timed.noise_floor)


def join(run: Path, part: Path) -> None:
    """Put the parts together into RESULT."""
    trained = load_trained(run)
    configs = distinct_configs(trained.supernet)
    by_resolution = [
        numpy.load(part / f"accuracy-{side}.npz") for side in trained.supernet.space.resolutions
    ]
    latency = numpy.full((len(configs), 3), numpy.nan)
    floors = []
    for path in sorted(part.glob("latency-*.npz")):
        timed = numpy.load(path)
        latency[timed["index"]] = timed["latency"]
        floors.append(float(timed["noise_floor"]))
    if numpy.isnan(latency).any():
        raise SystemExit(f"latency of {numpy.isnan(latency[:, 0]).sum()} configs is missing")
    about = {
        "job": trained.document["job"],
        "weights_sha256": trained.document["weights_sha256"],
        "num_images": trained.data.num_images["selection"],
        "runtime": "onnxruntime, one thread",
        "median_noise_floor": float(numpy.median(floors)),
        "environment": environment(),
    }
    numpy.savez_compressed(
        RESULT,
        width_mults=numpy.array([c.width_mults for c in configs]),
        channels=numpy.array([trained.supernet.kept_counts(c) for c in configs], dtype="int16"),
        resolution=numpy.array([c.resolution for c in configs], dtype="int16"),
        bits=numpy.concatenate([each["bits"] for each in by_resolution]),
        macs=numpy.concatenate([each["macs"] for each in by_resolution]),
        latency_ms=latency.astype("float32"),
        about=json.dumps(about),
    )
    print(f"written: {RESULT}, {RESULT.stat().st_size / 2**20:.2f} MiB, {len(configs)} configs")


def main() -> None:
    """Record what is asked for; join when all is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("what", choices=("accuracy", "latency", "join"))
    args = parser.parse_args()
    part = args.run / "recorded"
    part.mkdir(exist_ok=True)
    {"accuracy": record_accuracy, "latency": record_latency, "join": join}[args.what](
        args.run, part
    )


if __name__ == "__main__":
    main()
