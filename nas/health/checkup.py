"""Diagnostics of a trained supernet, for a check before it is searched.

Reports top-1 on `selection` over a grid of widths and resolutions, where a larger width or
resolution lowers it, and how many calibration images are sufficient; and for the corners, on
`report`, the top-1 of each class and which classes are taken for which. Writes
RUN/supernet/health.json, confusion.csv, a page for each and, if a browser is available to render
them, pictures.
"""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nas.health.confusion import Confusion, confusion, to_csv
from nas.health.confusion_figure import confusion_figure
from nas.health.heat_map import heat_map, write_figure
from planner.atomic import write_atomically
from supernet import SubnetConfig, Supernet, calibrate_bn
from supernet.bar import Bar
from supernet.data import Data
from supernet.evaluate.accuracy import Z_95, Images, calibrated_subnet, correct_images

CALIBRATION_SIZES = (50, 100, 200, 500, 1000, 2000)
MAX_LOSS = 0.003
"""Maximum loss of top-1 for which a smaller number of calibration images is sufficient."""


class Checkup:
    """Scores subnets of one supernet, on the `selection` images where nothing else is said."""

    def __init__(self, supernet: Supernet, data: Data, device: torch.device) -> None:
        self.supernet = supernet.to(device)
        self.images = Images(data, device)

    @torch.inference_mode()
    def correct(self, config: SubnetConfig, num_calibration: int | None = None) -> Tensor:
        """Whether the subnet classifies each image correctly, bool (N,).

        BN is calibrated on the first `num_calibration` calibration images; None uses all.
        """
        network: nn.Module = self.supernet.extract(config).eval()
        calibrate_bn(network, self._calibration(config.resolution, num_calibration))
        batches = self.images.batches("selection", config.resolution)
        return correct_images(network, batches)

    def confusion(self, config: SubnetConfig) -> Confusion:
        """What the subnet takes the classes of the `report` images for."""
        network = calibrated_subnet(self.supernet, config, self.images)
        batches = self.images.batches("report", config.resolution)
        return confusion(network, batches, self.images.data.classes)

    def _calibration(self, side: int, num_images: int | None) -> Iterator[Tensor]:
        remaining = num_images if num_images is not None else sys.maxsize
        for images, _ in self.images.batches("calibration", side):
            if remaining > 0:
                yield images[:remaining]
            remaining -= len(images)


def examine(
    supernet: Supernet, data: Data, *, device: torch.device, num_widths: int = 7
) -> dict[str, Any]:
    """Examine `supernet` and return the report as JSON values.

    `grid[i][j]` is the top1, as a fraction, at resolution i and width j. `classes` has the top1 of
    each class on the `report` images by config_id, see `Confusion.by_class`; `confusion` the counts
    by class and predicted class. `supernet` is moved to `device`; `data` is the data it was trained
    on.
    """
    checkup, space = Checkup(supernet, data, device), supernet.space
    configs = list(space.grid(num_widths))
    correct = {c: checkup.correct(c) for c in Bar(configs, "grid", unit="config", mininterval=1.0)}
    widths = sorted({c.width_mults[0] for c in configs})
    sides = sorted(space.resolutions)
    table = [[correct[space.uniform(width, side)] for width in widths] for side in sides]
    num_calibration = data.num_images["calibration"]
    sizes = [n for n in CALIBRATION_SIZES if n < num_calibration] + [num_calibration]
    by_size = {
        config.config_id: {n: _top1(checkup.correct(config, n)) for n in sizes}
        for config in Bar(space.corners, "calibration", unit="config", mininterval=1.0)
    }
    confusions = {
        config.config_id: checkup.confusion(config)
        for config in Bar(space.corners, "classes", unit="config", mininterval=1.0)
    }
    return {
        "num_images": data.num_images["selection"],
        "widths": widths,
        "resolutions": sides,
        "grid": [[_top1(cell) for cell in row] for row in table],
        "not_monotone": [
            fall for line, ids in _lines(table, widths, sides) for fall in _falls(line, ids)
        ],
        "calibration": by_size,
        "calibration_images_that_suffice": _sufficient(by_size),
        "num_report_images": data.num_images["report"],
        "classes": {config_id: each.by_class() for config_id, each in confusions.items()},
        "confusion": {config_id: each.to_json() for config_id, each in confusions.items()},
    }


def _lines(
    table: list[list[Tensor]], widths: list[float], sides: list[int]
) -> Iterator[tuple[list[Tensor], list[str]]]:
    """Yield each row and column of the grid, from small to large, with its config_ids."""
    ids = [
        [SubnetConfig(width_mults=(w,), resolution=side).config_id for w in widths]
        for side in sides
    ]
    yield from zip(table, ids, strict=True)
    columns = zip(zip(*table, strict=True), zip(*ids, strict=True), strict=True)
    yield from ((list(column), list(of_column)) for column, of_column in columns)


def _falls(line: Sequence[Tensor], ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield neighbours of which the larger is worse; significance by McNemar's test at 95 %."""
    for (small, large), (small_id, large_id) in zip(pairwise(line), pairwise(ids), strict=True):
        lost, won = int((small & ~large).sum()), int((large & ~small).sum())
        if lost > won:
            yield {
                "smaller": small_id,
                "larger": large_id,
                "top1_lost": (lost - won) / len(small),
                "significant": lost - won > Z_95 * math.sqrt(lost + won),
            }


def _sufficient(by_size: dict[str, dict[int, float]]) -> int:
    """The smallest number of images from which on no corner loses more than `MAX_LOSS` of top1.

    The loss is relative to calibration on the largest number of images.
    """
    largest = max(next(iter(by_size.values())))
    sizes = sorted(next(iter(by_size.values())), reverse=True)
    sufficient = largest
    for size in sizes:
        if any(top1[largest] - top1[size] > MAX_LOSS for top1 in by_size.values()):
            break
        sufficient = size
    return sufficient


def _top1(correct: Tensor) -> float:
    return round(correct.double().mean().item(), 4)


def write_health(run: Path, report: dict[str, Any]) -> list[Path]:
    """Write health.json, confusion.csv and the figures into RUN/supernet; return the files.

    The counts of the confusion matrices are in the CSV file alone.
    """
    path, table = run / "supernet" / "health.json", run / "supernet" / "confusion.csv"
    brief = {name: value for name, value in report.items() if name != "confusion"}
    write_atomically(path, (json.dumps(brief, indent=2) + "\n").encode("utf-8"))
    confusions = {key: Confusion.from_json(value) for key, value in report["confusion"].items()}
    write_atomically(table, to_csv(confusions).encode("utf-8"))
    return [
        path,
        *write_figure(heat_map(report), path.with_suffix("")),
        table,
        *write_figure(confusion_figure(confusions), table.with_suffix("")),
    ]
