"""How many images BN calibration needs, and what they cost.

    python -m benchmarks.search.calibration RUN ...     (trained; on an idle machine, for the times)

For each RUN of supernet.train, its corner configs and some random ones: BN is calibrated on 125,
250, 500 and 1,000 images, `NUM_DRAWS` different sets of each, and on all of `calibration`. Each is
scored on `selection` and `report` together, in PyTorch. Told: how far top1 is from that with
all images, as a share of the images, on the mean over configs and draws and at the worst, and the
seconds of a calibration. Writes results/search/calibration.json, an entry for each model and data
set.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import fmean, pstdev
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from nas.evaluate.trained import Trained, load_trained
from planner.atomic import write_atomically
from supernet import SubnetConfig, Supernet, calibrate_bn
from supernet.evaluate.accuracy import Images, correct_images

RESULT = result_file(__file__)
SIZES, NUM_DRAWS, NUM_RANDOM = (125, 250, 500, 1000), 2, 4


def calibrated_top1(
    supernet: Supernet, config: SubnetConfig, images: Images, indices: list[int]
) -> tuple[float, float]:
    """The top1 with BN calibrated on these images, and the seconds that the calibration took."""
    network = supernet.extract(config).eval()
    network.to(memory_format=torch.channels_last)
    batches = images.chosen("calibration", config.resolution, indices)
    pixels = [x for x, _ in batches]
    start = time.perf_counter()
    calibrate_bn(network, pixels)
    seconds = time.perf_counter() - start
    with torch.inference_mode():
        correct = correct_images(network, _held_out(images, config.resolution))
    return float(correct.double().mean()), seconds


def _held_out(images: Images, side: int) -> Iterator[tuple[Tensor, Tensor]]:
    for split in ("selection", "report"):
        yield from images.batches(split, side)


def compared(trained: Trained, seed: int = 0) -> dict[str, Any]:
    """What each number of images loses against all, over configs and draws."""
    rng = Random(seed)
    supernet, images = trained.supernet, Images(trained.data, torch.device("cpu"))
    space, num_all = supernet.space, trained.data.num_images["calibration"]
    configs = [*space.corners]
    for _ in range(NUM_RANDOM):
        widths, resolution = space.random_widths(rng), rng.choice(space.resolutions)
        configs.append(SubnetConfig(width_mults=widths, resolution=resolution))
    differences: dict[int, list[float]] = {size: [] for size in SIZES if size < num_all}
    seconds: dict[int, list[float]] = {size: [] for size in (*differences, num_all)}
    top1 = {}
    for config in tqdm(configs):
        with_all, took = calibrated_top1(supernet, config, images, list(range(num_all)))
        top1[config.config_id] = round(with_all, 5)
        seconds[num_all].append(took)
        for size in differences:
            for _ in range(NUM_DRAWS):
                drawn = rng.sample(range(num_all), size)
                found, took = calibrated_top1(supernet, config, images, drawn)
                differences[size].append(found - with_all)
                seconds[size].append(took)
    return {
        "num_images": sum(trained.data.num_images[split] for split in ("selection", "report")),
        "num_draws": NUM_DRAWS,
        "top1_with_all": top1,
        "by_size": {
            str(size): {
                "mean": round(fmean(each), 5),
                "deviation": round(pstdev(each), 5),
                "worst": round(min(each), 5),
                "seconds": round(fmean(seconds[size]), 3),
            }
            for size, each in differences.items()
        },
        "all": {"num": num_all, "seconds": round(fmean(seconds[num_all]), 3)},
        "environment": environment(),
    }


def main() -> int:
    """Compare for each run; add it to the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    for run in parser.parse_args().runs:
        trained = load_trained(run)
        job = trained.document["job"]
        result[f"{job['model']}, {Path(job['data']).name}"] = compared(trained)
        write_atomically(RESULT, (json.dumps(result, indent=1) + "\n").encode("ascii"))
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
