"""How many images racing saves (`nas.evaluate.racing`), replayed on the recorded search space.

    python -m benchmarks.search.racing_images

For each seed the same NUM_CANDIDATES configs, in the order in which a search would come to them,
are scored twice: on all recorded images, and racing. Two searches: the product's, and random
configs. Reported: how many times fewer images racing looks at, how many configs of the front (on
all images) it stopped, and what share of the hypervolume is left. Beside the product's race (the
first row of WAYS) other ways are tried: rivals that are less clearly faster, rivals that may have
more MACs, and a margin: a candidate is stopped unless it is better by so many points. Last, how
close the candidates lie to the best that is no slower. Writes
results/search/racing_images.json.
"""

import json
import sys
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy
import optuna
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.result_file import result_file
from benchmarks.search.efficiency import SEARCHES
from benchmarks.search.recorded import Record, load_record
from nas.evaluate.evaluation import CLEARLY_FASTER
from nas.evaluate.racing import Race
from nas.search.guide import front_steps

RESULTS = result_file(__file__)
NUM_CANDIDATES = 200
SEEDS = range(5)
QUARTILES = (25, 50, 75)


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a race is run."""

    clearly_faster: float = CLEARLY_FASTER
    """A rival's latency is less by this share."""
    fewer_macs: bool = True
    """Whether a rival must not have more MACs."""
    margin: float = 0.0
    """By which top1 must be better than the rival's, as a fraction."""


WAYS = (
    Way(),
    Way(clearly_faster=0.05),
    Way(clearly_faster=0.0),
    Way(clearly_faster=0.0, fewer_macs=False),
    Way(margin=0.0025),
    Way(margin=0.005),
    Way(margin=0.01),
)


class RaceByMargin(Race):
    """A race that is lost unless the candidate is better by a margin."""

    def __init__(self, num_images: int, rival: Any, margin: float, *others: Any) -> None:
        super().__init__(num_images, rival, *others)
        if rival is not None:
            self._num_rival += round(margin * num_images)


def images_seen(record: Record, numbers: list[int], way: Way, seed: int) -> dict[int, int]:
    """How many images each config is scored on, one after the other."""
    num_images, seen = record.is_right.shape[1], dict[int, int]()
    for number in numbers:
        whole = [each for each, images in seen.items() if images == num_images]
        rivals = [each for each in whole if is_rival(record, each, number, way)]
        rival = max(rivals, key=lambda each: record.top1[each], default=None)
        race = RaceByMargin(
            num_images,
            None if rival is None else record.is_right[rival],
            way.margin,
            [record.is_right[each] for each in whole],
            numpy.random.default_rng([seed, number]),
        )
        while len(indices := race.next_slice):
            race.add(record.is_right[number][indices])
        seen[number] = race.num_images
    return seen


def is_rival(record: Record, one: int, of: int, way: Way) -> bool:
    """See `nas.evaluate.evaluation.rival_of`."""
    latency = record.latency_ms[:, 0]
    is_faster = latency[one] * (1 + way.clearly_faster) < latency[of]
    return bool(is_faster and (not way.fewer_macs or record.macs[one] <= record.macs[of]))


def front(record: Record, numbers: list[int]) -> list[int]:
    """Those that no other of them beats, on all images."""
    by_latency = sorted(numbers, key=lambda n: (record.latency_ms[n, 0], -record.top1[n]))
    best, found = -1.0, []
    for number in by_latency:
        if record.top1[number] > best:
            best = record.top1[number]
            found.append(number)
    return found


def compare(record: Record, numbers: list[int], way: Way, seed: int) -> dict[str, Any]:
    """Racing against all images."""
    seen, num_images = images_seen(record, numbers, way, seed), record.is_right.shape[1]
    whole = [number for number, images in seen.items() if images == num_images]
    true_front = front(record, numbers)
    return {
        "times_fewer": round(num_images * len(numbers) / sum(seen.values()), 3),
        "stopped": len(numbers) - len(whole),
        "front": len(true_front),
        "lost_from_front": len(set(true_front) - set(whole)),
        "hypervolume_share": round(
            record.hypervolume(numpy.array(whole)) / record.hypervolume(numpy.array(numbers)), 5
        ),
    }


def points_behind(record: Record, numbers: list[int]) -> list[float]:
    """Quartiles of how many points the configs lie behind the best that is no slower."""
    latency, top1 = record.latency_ms[numbers, 0], record.top1[numbers]
    begins, levels = front_steps(latency, top1)
    best = levels[numpy.searchsorted(begins, latency, side="right") - 1]
    return [round(float(each), 2) for each in numpy.percentile(100 * (best - top1), QUARTILES)]


def main() -> int:
    """Replay all; write the result."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    record = load_record()
    searches: dict[str, dict[str, Any]] = {}
    for name in ("guide", "random"):
        orders = [SEARCHES[name](record, seed, NUM_CANDIDATES) for seed in tqdm(SEEDS, name)]
        rows = []
        for way in tqdm(WAYS, f"race, {name}"):
            seeds = [compare(record, order, way, seed) for seed, order in enumerate(orders)]
            fewer = round(fmean(each["times_fewer"] for each in seeds), 3)
            lost = sum(each["lost_from_front"] for each in seeds)
            of = sum(each["front"] for each in seeds)
            means = {"mean_times_fewer": fewer, "lost_from_fronts": lost, "of": of}
            rows.append({"way": asdict(way)} | means | {"seeds": seeds})
        behind = [points_behind(record, order) for order in orders]
        searches[name] = {"ways": rows, "points_behind_quartiles": behind}
    document = {
        "num_candidates": NUM_CANDIDATES,
        "num_images": record.is_right.shape[1],
        "searches": searches,
        "environment": environment(),
    }
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")
    for name, found in searches.items():
        print(name, *({k: v for k, v in row.items() if k != "seeds"} for row in found["ways"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
