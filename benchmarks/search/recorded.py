"""Recorded search spaces (benchmarks.search.record_space): any search of them can be replayed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from numpy.typing import NDArray

from benchmarks.result_file import RESULTS
from nas.conversions import planner_accuracy, planner_config
from nas.evaluate.evaluation import Evaluation
from planner import Candidate, Latency
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.evaluate.accuracy import Accuracy
from supernet.models import build_model

RECORDS = {name: RESULTS / "search" / f"record_space_{name}.npz" for name in ("fashion", "cifar")}
"""Where each record is kept."""
FASHION = "fashion"
Array = NDArray[Any]


@dataclass(frozen=True)
class Record:
    """Every config of a search space with its numbers; n configs, m images."""

    about: dict[str, Any]
    supernet: Supernet
    """With untrained weights; it tells which widths are the same config."""
    number_of: dict[tuple[int, ...], int]
    """Where the config with these channels and resolution is in the arrays."""
    is_right: Array
    """(n, m) bool: which images a config gets right."""
    latency_ms: Array
    """(n, 3): median and its 95 % interval."""
    macs: Array
    """(n,)."""

    def number(self, config: SubnetConfig) -> int:
        """Which of the recorded configs this one is."""
        return self.number_of[(*self.supernet.kept_counts(config), config.resolution)]

    def evaluate(self, config: SubnetConfig, images: Array) -> Evaluation:
        """What `Evaluator.evaluate` would have returned; these images, the recorded median."""
        number = self.number(config)
        correct = self.is_right[number, images]
        p50, low, high = (float(each) for each in self.latency_ms[number])
        candidate = Candidate(
            config=planner_config(config),
            origin="search",
            accuracy=planner_accuracy(
                Accuracy(num_images=len(correct), num_correct=int(correct.sum()))
            ),
            macs=int(self.macs[number]),
            num_params=1,  # not recorded, and no objective
            latency=Latency(
                p50_ms=p50,
                p90_ms=high,
                p99_ms=high,
                p50_low_ms=low,
                p50_high_ms=high,
                num_samples=1,
            ),
        )
        return Evaluation(candidate=candidate, correct=correct)


class Recorded(Supernet):
    """A supernet whose widths are rounded to those that were recorded."""

    channels_of: Sequence[Array] = ()
    """For each width: (choices, channel groups that have it), the channels that they may have."""

    def kept_counts(self, config: SubnetConfig) -> tuple[int, ...]:
        """See Supernet: of the recorded ones, those that are nearest."""
        exact = numpy.array(super().kept_counts(config))
        for number, choices in enumerate(self.channels_of):
            mine = numpy.array(self.width_of) == number
            exact[mine] = choices[numpy.square(choices - exact[mine]).sum(axis=1).argmin()]
        return tuple(exact.tolist())


def load_record(name: str = FASHION) -> Record:
    """Read what `benchmarks.search.record_space` wrote."""
    saved = numpy.load(RECORDS[name])
    about = json.loads(str(saved["about"]))
    job, space = about["job"], SearchSpace.from_json(about["space"])
    model = build_model(job["model"], about["num_classes"], job["model_options"])
    side = space.resolutions[0]
    supernet = Recorded(model, torch.empty(1, 3, side, side), space)
    channels, sides = saved["channels"], saved["resolution"]
    supernet.channels_of = [
        numpy.unique(channels[:, numpy.array(supernet.width_of) == number], axis=0)
        for number in range(supernet.space.num_groups)
    ]
    keys = [(*c.tolist(), int(s)) for c, s in zip(channels, sides, strict=True)]
    bits = numpy.unpackbits(saved["bits"], axis=1, count=about["num_images"])
    return Record(
        about=about,
        supernet=supernet,
        number_of={key: number for number, key in enumerate(keys)},
        is_right=bits.astype(bool),
        latency_ms=saved["latency_ms"].astype(float),
        macs=saved["macs"],
    )
