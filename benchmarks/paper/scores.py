"""Scores of the comparison: every config of a trained run, and fronts over all of a system."""

import json
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.paper.systems import Run
from nas.cost.macs import count_macs
from nas.evaluate.evaluation import from_text, to_text
from nas.evaluate.paired import PairedDifference, paired_difference
from nas.evaluate.trained import load_trained
from supernet.checkpoint import replacing
from supernet.evaluate.accuracy import Z_95, Images, calibrated_subnet, correct_images


def score(
    run: Run, folder: Path, num_widths: int, splits: Sequence[str] = ("selection", "report")
) -> list[dict[str, Any]]:
    """MACs and right answers on `splits` of the run's grid; kept in its folder.

    `correct` says of each image of `report` whether it was right, as `to_text` does.
    """
    path = folder / "scores.json"
    if path.exists():
        return json.loads(path.read_text())  # type: ignore[no-any-return]
    trained = load_trained(folder)
    images = Images(trained.data, torch.device("cpu"))
    scores = []
    configs = list(trained.supernet.space.grid(num_widths))
    for config in tqdm(configs, f"score {run.name}", unit="config", mininterval=1.0):
        network = calibrated_subnet(trained.supernet, config, images)
        entry: dict[str, Any] = {
            "width": run.width * config.width_mults[0],
            "resolution": config.resolution,
            "macs": count_macs(network, config.resolution),
        }
        for split in splits:
            right = correct_images(network, images.batches(split, config.resolution)).numpy()
            entry[split], entry[f"num_{split}"] = int(right.sum()), len(right)
            if split == "report":
                entry["correct"] = to_text(right)
        scores.append(entry)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(scores) + "\n")
    return scores


def best_under(scores: Iterable[dict[str, Any]], macs: float) -> dict[str, Any] | None:
    """The config of at most `macs` that is best on `selection`; None where none is so small."""
    affordable = [score for score in scores if score["macs"] <= macs]
    return max(affordable, key=lambda score: (score["selection"], -score["macs"]), default=None)


def interval(counts: Sequence[tuple[int, int]]) -> dict[str, Any] | None:
    """Mean of (right, images) over seeds with a 95 % interval, and the seeds themselves.

    The interval adds the variance of images to that between seeds (its own estimate, where there
    are two seeds or more), as of a normal distribution.
    """
    if not counts:
        return None
    shares = [right / images for right, images in counts]
    n = len(shares)
    mean = sum(shares) / n
    of_images = mean * (1 - mean) / counts[0][1]  # the same images for every seed
    of_seeds = sum((share - mean) ** 2 for share in shares) / (n - 1) / n if n > 1 else 0.0
    half = Z_95 * math.sqrt(of_images + of_seeds)
    return {"top1": mean, "low": mean - half, "high": mean + half, "seeds": shares}


def paired(
    mine: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]
) -> PairedDifference | None:
    """Top1 of `mine` minus that of `others`, a config a seed, on the same images of `report`.

    Seeds are pooled. None where a system has no config.
    """
    if not mine or len(mine) != len(others):
        return None
    one, other = (
        np.concatenate([from_text(e["correct"]) for e in each]) for each in (mine, others)
    )
    return paired_difference(one, other)


def front_volume(curve: Sequence[tuple[float, float]]) -> float:
    """Area under top1 over log MACs, between the curve's own ends, by steps."""
    area = 0.0
    for (macs, top1), (after, _) in pairwise(curve):
        area += top1 * math.log(after / macs)
    return area
