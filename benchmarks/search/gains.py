"""How often the entry that a search calls faster at equal accuracy is so: replayed on a record.

    python -m benchmarks.search.gains [--seeds 30]
    python -m benchmarks.search.gains page

Searches of the recorded space of Fashion-MNIST (benchmarks/search/recorded.py) see 292, 1,000 or
3,000 images, in each seed others. Of each search's entries and its uniform grid's front, the pair
with the most latency saved is chosen twice: by `nas.evaluate.gains`, which asks for more where few
images were seen, and by what is believed alone. Told on 3,000 images that the search has not seen:
what the pair saves, and what it loses in top1. Writes results/search/gains.json; `page` puts it
into docs/search.md.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

import numpy
from tqdm import tqdm

from benchmarks.environment import environment
from benchmarks.page import DOCS, put_into_page
from benchmarks.result_file import result_file
from benchmarks.search.efficiency import SYSTEMS, Halves, searched
from benchmarks.search.recorded import Record, load_record
from nas.conversions import subnet_config
from nas.evaluate.gains import MARGIN, Gain, Scored, choose_gains
from nas.search.belief import Belief
from planner.atomic import write_atomically
from supernet import SubnetConfig

RESULT = result_file(__file__)
SCRIPT = "benchmarks/search/gains.py"
NUM_SEEN = (292, 1000, 3000)
NUM_TOLD = 3000
NUM_EVALUATIONS = 64
MIN_SAVED = 0.02
"""The noise floor of a good measurement."""
RULES = {"images": "what is believed and the number of images", "belief": "what is believed alone"}


class Draw(Halves):
    """A record whose images are drawn by a seed: those a search sees, and those it is told on."""

    def __init__(self, record: Record, num_seen: int, seed: int) -> None:
        super().__init__(record, num_seen, seed)
        self.told = self.others[:NUM_TOLD]

    def scored(self, config: SubnetConfig, believed: float) -> Scored:
        """A config as `choose_gains` takes it."""
        number = self.record.number(config)
        return Scored(
            config_id=config.config_id,
            latency_p50_ms=float(self.record.latency_ms[number, 0]),
            believed=believed,
            correct_on_selection=self.record.is_right[number, self.seen],
            correct=self.record.is_right[number, self.told],
        )


def pairs(draw: Draw, seed: int) -> dict[str, Gain | None]:
    """One search, and the pair that each rule chooses."""
    evaluations = searched(draw, SYSTEMS["guide"], seed, NUM_EVALUATIONS)
    belief = Belief(draw.supernet, evaluations, draw.steps)
    believed = [*belief.top1.values()]
    own: list[Scored] = []
    grid = [draw.scored(*each) for each in belief.grid_front().items()]
    for place in draw.front(evaluations, believed):
        candidate = evaluations[place].candidate
        found = draw.scored(subnet_config(candidate), believed[place])
        (own if candidate.origin == "search" else grid).append(found)
    return {
        "images": choose_gains(own, grid, MIN_SAVED).faster,
        "belief": choose_gains([*map(surely, own)], [*map(surely, grid)], MIN_SAVED).faster,
    }


def surely(scored: Scored) -> Scored:
    """As if so many images had been seen that what is believed is certain."""
    return replace(scored, correct_on_selection=numpy.ones(10**6, bool))


def summary(gains: Sequence[Gain | None]) -> dict[str, Any]:
    """Means over the searches; of the pairs, where there are any."""
    found = [gain for gain in gains if gain]
    if not found:
        return {"searches": len(gains), "pairs": 0}
    lost = numpy.array([-gain.difference.mean for gain in found])
    return {
        "searches": len(gains),
        "pairs": len(found),
        "saved": round(fmean(gain.saved for gain in found), 4),
        "points_lost": round(100 * float(lost.mean()), 3),
        "points_lost_at_worst": round(100 * float(lost.max()), 3),
        "lose_more_than_the_margin": int((lost > MARGIN).sum()),
        "shown": sum(gain.is_equal_shown for gain in found),
    }


def lines(document: dict[str, Any]) -> list[str]:
    """The table for docs/search.md."""
    said = [
        "| images on `selection` | pair chosen by | searches with a pair | latency saved, mean "
        "| points lost, mean (worst) | lose more than 1 point | equal shown |",
        "|---" * 7 + "|",
    ]
    for count, rules in document["found"].items():
        for rule, one in rules.items():
            cells = ["0", "-", "-", "-", "-"] if not one["pairs"] else [
                f"{one['pairs']} of {one['searches']}",
                f"{one['saved']:.0%}",
                f"{one['points_lost']:.2f} ({one['points_lost_at_worst']:.1f})",
                str(one["lose_more_than_the_margin"]),
                str(one["shown"]),
            ]  # fmt: skip
            said.append("| " + " | ".join([f"{int(count):,}", RULES[rule], *cells]) + " |")
    return [*said, ""]


def replayed(record: Record, num_seen: int, seeds: Sequence[int]) -> dict[str, Any]:
    """The summary of each rule over these searches."""
    found = [
        pairs(Draw(record, num_seen, seed), seed) for seed in tqdm(seeds, f"{num_seen} images")
    ]
    return {rule: summary([each[rule] for each in found]) for rule in RULES}


def main() -> int:
    """Replay, or put the results into the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("replay", "page"), nargs="?", default="replay")
    parser.add_argument("--seeds", type=int, default=30)
    args = parser.parse_args()
    if args.part == "page":
        put_into_page(SCRIPT, lines(json.loads(RESULT.read_text())), DOCS / "search.md")
        return 0
    record = load_record()
    document = {
        "found": {str(n): replayed(record, n, range(args.seeds)) for n in NUM_SEEN},
        "num_told": NUM_TOLD,
        "num_evaluations": NUM_EVALUATIONS,
        "record": record.about,
        "environment": environment(),
    }
    write_atomically(RESULT, (json.dumps(document, indent=1) + "\n").encode("ascii"))
    print("\n".join(lines(document)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
